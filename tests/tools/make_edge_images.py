#!/usr/bin/env python3
"""Makes tests/data/edge-images: ten awkward pictures, ten malformed files and manifest.json, from the demo photos.

usage: tests/tools/make_edge_images.py        (needs libturbojpeg.so.0 for the JPEGs; the rest is written by hand)

The expected pixels come from the numbers that were put in, not from any decoder: a sha256 of the RGB bytes, or for JPEG
the RGB means of 4x4 boxes. The layout of manifest.json is the one of the data folder's edge-images, so one test walks both;
a malformed file has `message`, a part of the error that a person should see.
"""
import ctypes
import hashlib
import json
import pathlib
import struct
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "tests" / "data" / "edge-images"
MANIFEST = []


# --- the photo --------------------------------------------------------------------------------------------------------
def unfilter(raw, width, height, n):
    """Rows of an inflated 8-bit PNG with n bytes a pixel."""
    rows, previous = [], bytearray(width * n)
    for y in range(height):
        kind, row = raw[y * (width * n + 1)], bytearray(raw[y * (width * n + 1) + 1:(y + 1) * (width * n + 1)])
        for i in range(width * n):
            a = row[i - n] if i >= n else 0
            b, c = previous[i], previous[i - n] if i >= n else 0
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            row[i] = (row[i] + (0, a, b, (a + b) // 2, paeth)[kind]) & 255
        rows.append(row)
        previous = row
    return rows


def photo(width, height, step=6, left=40, top=20):
    """width x height RGB triples: every step-th pixel block of chelsea.png, averaged."""
    data = (ROOT / "examples/photos/chelsea.png").read_bytes()
    w, h = struct.unpack(">II", data[16:24])
    idat, at = b"", 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        idat += data[at + 8:at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    rows = unfilter(zlib.decompress(idat), w, h, 3)

    def mean(x, y, c):
        block = [rows[top + y * step + j][(left + x * step + i) * 3 + c] for j in range(step) for i in range(step)]
        return sum(block) // len(block)

    return [[tuple(mean(x, y, c) for c in range(3)) for x in range(width)] for y in range(height)]


def grey(pixels):
    return [[(g, g, g) for g in (p[1] for p in row)] for row in pixels]


def upright(pixels, orientation):
    """What EXIF orientation 6 (turn clockwise) and 8 (turn anticlockwise) make of stored pixels."""
    h, w = len(pixels), len(pixels[0])
    if orientation == 6:
        return [[pixels[h - 1 - x][y] for x in range(h)] for y in range(w)]
    return [[pixels[x][w - 1 - y] for x in range(h)] for y in range(w)]


# --- manifest ---------------------------------------------------------------------------------------------------------
def entry(name, data, **fields):
    (OUT / name).write_bytes(data)
    MANIFEST.append({"file": name, "bytes": len(data), "sha256_file": hashlib.sha256(data).hexdigest(), "origin": "own",
                     **fields})


def good(name, data, fmt, mode, pixels, **fields):
    flat = bytes(v for row in pixels for p in row for v in p)
    h, w = len(pixels), len(pixels[0])
    mean = [round(sum(flat[c::3]) / (w * h), 3) for c in range(3)]
    if fmt == "JPEG":
        boxes = [[[pixels[y][x] for y in range(i * h // 4, (i + 1) * h // 4) for x in range(j * w // 4, (j + 1) * w // 4)]
                  for j in range(4)] for i in range(4)]
        fields["grid4x4"] = [[round(sum(p[c] for p in b) / len(b), 1) for c in range(3)] for row in boxes for b in row]
    entry(name, data, format=fmt, mode=mode, expect="ok", width=w, height=h,
          sha256_rgb=hashlib.sha256(flat).hexdigest(), mean_rgb=mean, **fields)


def bad(name, data, message):
    entry(name, data, expect="error", damaged=True, message=message)


# --- PNG --------------------------------------------------------------------------------------------------------------
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def filtered(rows, n):
    """Bytes rows (n bytes a pixel) with the filter types 0 to 4 in turn."""
    out, previous = b"", bytes(len(rows[0]))
    for y, row in enumerate(rows):
        line = bytearray([y % 5])
        for i, v in enumerate(row):
            a, b, c = row[i - n] if i >= n else 0, previous[i], previous[i - n] if i >= n else 0
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line.append((v - (0, a, b, (a + b) // 2, paeth)[y % 5]) & 255)
        out, previous = out + bytes(line), row
    return out


def png(width, height, depth, color, raw, before=b"", interlace=0):
    ihdr = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace)
    packed = zlib.compress(raw, 9)
    cut = len(packed) // 3
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + before + chunk(b"IDAT", packed[:cut]) +
            chunk(b"IDAT", packed[cut:]) + chunk(b"IEND", b""))


def adam7_palette(index, bits):
    """The seven passes of a picture of palette indices, unfiltered, packed to `bits` bits."""
    h, w, out = len(index), len(index[0]), b""
    for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        columns = range(x0, w, dx)
        for y in range(y0, h, dy):
            text = "".join(format(index[y][x], f"0{bits}b") for x in columns)
            if text:
                out += b"\0" + int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")
    return out


def exif(orientation):
    return b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0) + b"\0\0\0\0"


def png_files(p):
    h, w = len(p), len(p[0])
    rows = [bytes(v for q in row for v in q) for row in p]
    good("rgb-exif6.png", png(w, h, 8, 2, filtered(rows, 3), chunk(b"eXIf", exif(6))), "PNG", "RGB", upright(p, 6),
         orientation=6)
    index = [[q[1] // 17 for q in row] for row in p]
    palette = [(255 - 17 * i, 17 * i, i * i) for i in range(16)]
    plte = chunk(b"PLTE", bytes(v for c in palette for v in c)) + chunk(b"tRNS", bytes(range(0, 256, 17)))
    good("palette4-interlaced-trns.png", png(w, h, 4, 3, adam7_palette(index, 4), plte, 1), "PNG", "P",
         [[palette[i] for i in row] for row in index])
    wide = [b"".join(struct.pack(">H", v << 8 | (x * 37 + y * 11) & 255) for x, q in enumerate(row) for v in q)
            for y, row in enumerate(p)]
    good("rgb16.png", png(w, h, 16, 2, filtered(wide, 6)), "PNG", "RGB", p)
    alpha = [bytes(v for x, q in enumerate(row) for v in (q[1], x * 4 & 255)) for row in p]
    good("grey-alpha.png", png(w, h, 8, 4, filtered(alpha, 2)), "PNG", "LA", grey(p))
    whole = png(w, h, 8, 2, filtered(rows, 3))
    bad("cut.png", whole[:len(whole) // 2], "IDAT")
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    bad("checksum.png", bytes(flipped), "checksum")
    bad("no-palette.png", png(w, h, 4, 3, adam7_palette(index, 4), b"", 1), "palette is missing")
    bad("bomb.png", png(60000, 60000, 8, 2, b"\0" * 1000), "60000x60000")


# --- JPEG -------------------------------------------------------------------------------------------------------------
def jpeg(pixels, channels, pixel_format, subsampling, flags=0):
    turbo = ctypes.CDLL("libturbojpeg.so.0")
    turbo.tjInitCompress.restype = ctypes.c_void_p
    h, w = len(pixels), len(pixels[0])
    data = bytes(v for row in pixels for p in row for v in p[:channels])
    buffer, size = ctypes.POINTER(ctypes.c_ubyte)(), ctypes.c_ulong(0)
    if turbo.tjCompress2(ctypes.c_void_p(turbo.tjInitCompress()), data, w, w * channels, h, pixel_format,
                         ctypes.byref(buffer), ctypes.byref(size), subsampling, 95, flags) != 0:
        raise RuntimeError("tjCompress2 failed")
    return bytes(buffer[:size.value])


def jpeg_files(p):
    tjpf_rgb, tjpf_gray, tjpf_cmyk, samp_444, samp_420, samp_gray, progressive = 0, 6, 11, 0, 2, 3, 16384
    body = jpeg(p, 3, tjpf_rgb, samp_420, progressive)
    app1 = b"Exif\0\0" + exif(8)
    good("420-progressive-exif8.jpg", body[:2] + b"\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 + body[2:], "JPEG",
         "RGB", upright(p, 8), orientation=8)
    good("grey.jpg", jpeg(p, 1, tjpf_gray, samp_gray) + b"garbage after the end", "JPEG", "L",
         [[(q[0],) * 3 for q in row] for row in p])
    ink = [[q + (255,) for q in row] for row in p]  # inverted, as Adobe stores it: no black, so R G B are the inks
    good("cmyk.jpg", jpeg(ink, 4, tjpf_cmyk, samp_444), "JPEG", "CMYK", p)
    small = jpeg(p[:16], 3, tjpf_rgb, samp_420)
    table = small.index(b"\xff\xc4")
    sums = bytearray(small)
    sums[table + 5:table + 21] = bytes([0] * 13 + [86, 86, 86])
    bad("huffman-sum-258.jpg", bytes(sums), "258 codes")
    frame, scan = small.index(b"\xff\xc0"), small.index(b"\xff\xda")
    bad("scan-without-frame.jpg", small[:frame] + small[scan:], "SOS")
    bad("ends-before-scan.jpg", small[:scan], "SOS")


# --- BMP and PNM ------------------------------------------------------------------------------------------------------
def bmp(width, height, bits, compression, tail, extra=b"", colors=0):
    at = 14 + 40 + len(extra)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(tail), 0, 0, colors, 0)
    return b"BM" + struct.pack("<IHHI", at + len(tail), 0, 0, at) + info + extra + tail


def run_lengths(row):
    out, i = b"", 0
    while i < len(row):
        n = 1
        while i + n < len(row) and row[i + n] == row[i] and n < 255:
            n += 1
        out, i = out + bytes([n, row[i]]), i + n
    return out + b"\0\0"


def bmp_and_pnm_files(p):
    h, w = len(p), len(p[0])
    index = [[q[1] // 32 for q in row] for row in p]
    palette = [(32 * i, 255 - 30 * i, 7 * i) for i in range(8)]
    entries = b"".join(bytes([b, g, r, 0]) for r, g, b in palette)
    good("rle8.bmp", bmp(w, h, 8, 1, b"".join(run_lengths(row) for row in reversed(index)) + b"\0\1", entries, 8), "BMP", "P",
         [[palette[i] for i in row] for row in index])
    bits = [[1 if q[1] < 128 else 0 for q in row] for row in p]
    text = f"P1 # one digit a pixel\n{w}#cut\n {h}\n" + "\n".join("".join(map(str, row)) for row in bits)
    good("no-blanks.pbm", text.encode(), "PPM", "1", [[(255 * (1 - b),) * 3 for b in row] for row in bits])
    maxval = 1000
    values = [[tuple(min(v * 4, maxval) for v in q) for q in row] for row in p]
    raw = b"".join(struct.pack(">H", v) for row in values for q in row for v in q)
    good("maxval1000.ppm", f"P6\n{w} {h} {maxval}\n".encode() + raw, "PPM", "RGB",
         [[tuple(round(v / maxval * 255) for v in q) for q in row] for row in values])
    bad("palette-4-billion.bmp", bmp(w, h, 8, 0, b"\0" * w * h, entries, 0xFF000006), "4278190086 palette entries")
    bad("maxval0.pgm", b"P5\n2 2\n0\n\1\2\3\4", "maxval")
    bad("webp-inside.jpg", b"RIFF\x24\0\0\0WEBPVP8 " + b"\0" * 24, "WebP")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    p = photo(52, 40)
    png_files(p)
    jpeg_files(p)
    bmp_and_pnm_files(p)
    lines = ",\n".join(json.dumps(m) for m in MANIFEST)
    (OUT / "manifest.json").write_text('{"files": [\n' + lines + "\n]}\n")
    print(len(MANIFEST), "files,", sum(m["bytes"] for m in MANIFEST), "bytes in", OUT)


if __name__ == "__main__":
    main()
