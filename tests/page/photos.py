"""Files to show to the page, made from the demo photos with nothing but Python's own library."""
import base64
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


def write_png(path, width, height, depth=8, kind=2, level=9, row=None, colour=None):
    """A PNG, black unless row() gives the bytes of each row or there is a colour (R G B). kind 0 is grey, 2 is RGB; level 0
    stores the pixels, so that the file is as large as they are."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    plain = bytes(colour) * width if colour else bytes((width * depth * (3 if kind == 2 else 1) + 7) // 8)
    packer = zlib.compressobj(level)
    packed = b"".join(packer.compress(b"\0" + (row() if row else plain)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b""))


def write_gif(path, width, height, colours, pause=20):
    """An animation that goes round for ever: a frame of each colour (R G B), `pause` hundredths of a second."""
    out = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80 | 7, 0, 0)
    out += b"".join(bytes(c) for c in colours).ljust(3 * 256, b"\0")
    out += b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
    for number in range(len(colours)):
        out += b"!\xf9\x04" + struct.pack("<BHBB", 4, pause, 0, 0)
        out += b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + lzw(bytes([number]) * (width * height))
    path.write_bytes(out + b";")


def lzw(indices):
    """Indices below 256 as GIF packs them, without packing: the table is cleared before its codes grow to ten bits."""
    codes = []
    for at in range(0, len(indices), 250):
        codes += [256, *indices[at:at + 250]]
    bits, count, packed = 0, 0, bytearray()
    for code in [*codes, 257]:
        bits |= code << count
        count += 9
        while count >= 8:
            packed.append(bits & 255)
            bits, count = bits >> 8, count - 8
    packed.append(bits)
    blocks = [bytes(packed[at:at + 255]) for at in range(0, len(packed), 255)]
    return b"\x08" + b"".join(bytes([len(b)]) + b for b in blocks) + b"\0"


def animated_webp(frames, width, height):
    """One WebP out of several (RFC 9649, 2.7): the chunks of their pictures as frames of 200 ms."""
    def chunk(name, data):
        return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    def size(value):
        return struct.pack("<I", value - 1)[:3]

    body = chunk(b"VP8X", b"\x02\0\0\0" + size(width) + size(height)) + chunk(b"ANIM", bytes(6))
    for frame in frames:
        picture = frame[12:]
        while picture[:4] in (b"VP8X", b"ICCP"):  # what belongs to a whole file
            length = struct.unpack("<I", picture[4:8])[0]
            picture = picture[8 + length + length % 2:]
        body += chunk(b"ANMF", bytes(6) + size(width) + size(height) + struct.pack("<I", 200)[:3] + b"\0" + picture)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


# 16x16 pixels of (200, 40, 40), as Pillow 13.0 wrote them: Image.new("RGB", (16, 16), (200, 40, 40)).save(f, "AVIF", quality=30)
AVIF = base64.b64decode(
    "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAAAAAAAOcGl0bQAAAAAA"
    "AQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAETAAAAJwAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEAAGF2MDFDb2xvcgAAAABqaXBycAAAAEtpcGNvAAAA"
    "FGlzcGUAAAAAAAAAEAAAABAAAAAQcGl4aQAAAAADCAgIAAAADGF2MUOBAAwAAAAAE2NvbHJuY2x4AAEADQAGgAAAABdpcG1hAAAAAAAAAAEAAQQBAoMEAAAAL21k"
    "YXQSAAoJGAz/2iAhoNCAMhgcR4eF3dNNNMLAAAB1fVm9zKk5WpMsniQ=")
