"""Files to show to the page, made from the demo photos with nothing but Python's own library."""
import pathlib
import struct
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
PHOTOS = ROOT / "examples/photos"


def read_png(path):
    """(width, height, rows of bytes) of an 8-bit RGB PNG that is not interlaced."""
    data = path.read_bytes()
    width, height, depth, kind, _, _, interlace = struct.unpack(">IIBBBBB", data[16:29])
    if (depth, kind, interlace) != (8, 2, 0):
        raise ValueError(f"{path}: 8-bit RGB, not interlaced, is wanted")
    packed, at = b"", 8
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at:at + 8])
        if name == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += 12 + size
    raw, stride = zlib.decompress(packed), 3 * width
    rows, above = [], bytes(stride)
    for y in range(height):
        start = y * (stride + 1)
        above = unfilter(raw[start], bytearray(raw[start + 1:start + 1 + stride]), above)
        rows.append(above)
    return width, height, rows


def unfilter(method, row, above):
    """PNG's five filters (section 9.2), three bytes a pixel."""
    for i in range(len(row)):
        left, up, corner = (row[i - 3] if i >= 3 else 0), above[i], (above[i - 3] if i >= 3 else 0)
        if method == 1:
            row[i] = (row[i] + left) & 255
        elif method == 2:
            row[i] = (row[i] + up) & 255
        elif method == 3:
            row[i] = (row[i] + (left + up) // 2) & 255
        elif method == 4:
            guess = left + up - corner
            nearest = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))
            row[i] = (row[i] + nearest[2]) & 255
    return bytes(row)


def yuv420(rows):
    """The planes Y, U, V of BT.601 (16..235, as cameras give it), one byte each, of rows of RGB; even width and height."""
    luma, u, v = bytearray(), bytearray(), bytearray()
    for y, row in enumerate(rows):
        r, g, b = row[0::3], row[1::3], row[2::3]
        luma += bytes(16 + (66 * p + 129 * q + 25 * s) // 256 for p, q, s in zip(r, g, b))
        if y % 2 == 0:  # one sample of colour for each 2x2 pixels
            for plane, (red, green, blue) in ((u, (-38, -74, 112)), (v, (112, -94, -18))):
                plane += bytes(128 + (red * p + green * q + blue * s) // 256 for p, q, s in zip(r[::2], g[::2], b[::2]))
    return bytes(luma + u + v)


def write_camera(path, names=("coffee.png", "chelsea.png"), frames_each=50):
    """What the fake camera shows, in turn and over again, as YUV4MPEG2: the middle of these photos, 20 frames a second."""
    pictures = [read_png(PHOTOS / name) for name in names]
    width = min(w for w, _, _ in pictures) // 2 * 2
    height = min(h for _, h, _ in pictures) // 2 * 2
    with open(path, "wb") as out:
        out.write(f"YUV4MPEG2 W{width} H{height} F20:1 Ip A1:1 C420mpeg2\n".encode())
        for w, h, rows in pictures:
            left, top = (w - width) // 2, (h - height) // 2
            planes = yuv420([row[3 * left:3 * (left + width)] for row in rows[top:top + height]])
            for _ in range(frames_each):
                out.write(b"FRAME\n" + planes)


def write_png(path, width, height, depth=8, kind=2, level=9):
    """A black PNG. kind 0 is grey, 2 is RGB; level 0 stores the pixels, so that the file is as large as they are."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    row = bytes(1 + (width * depth * (3 if kind == 2 else 1) + 7) // 8)
    packer = zlib.compressobj(level)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b""))
