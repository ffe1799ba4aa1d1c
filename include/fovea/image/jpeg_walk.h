// A walk over the segments of a JPEG: sizes and EXIF for the caller, and checks before a decoder sees the file. Layer
// image. ITU-T T.81 annex B. Read image/turbojpeg.h next, which decodes the pixels.
#pragma once

#include <fovea/image/byte_reader.h>

namespace fovea::inline FOVEA_ABI {
namespace detail {

struct JpegInfo {
  int width = 0, height = 0, components = 0, precision = 0;
  int scans = 0;
  Bytes exif;  // the first APP1 segment that begins with "Exif"
};

// A start-of-frame marker other than DHT, JPG and DAC, which lie in the same range.
inline bool is_frame_marker(int m) { return m >= 0xc0 && m <= 0xcf && m != 0xc4 && m != 0xc8 && m != 0xcc; }
// Markers without a length: TEM, RST0..7, SOI, EOI. Also the reserved ones below SOF0: no decoder takes their length
// for one, so a "segment" of theirs could hide scans from this walk.
inline bool is_bare_marker(int m) { return m < 0xc0 || (m >= 0xd0 && m <= 0xd9); }

// Scans times pixels of a file. A scan visits every block, whatever its bytes, so this bounds the decoder's time; ten
// scans, as encoders write them, of a picture of 89 megapixels are 0.9e9.
inline constexpr std::int64_t kMostScannedPixels = 2'000'000'000;

class JpegWalk {
 public:
  JpegWalk(Bytes bytes, std::string_view name, std::int64_t max_pixels)
      : r_(bytes, name, true), name_(name), max_pixels_(max_pixels) {}

  JpegInfo run() {
    r_.take(2, "SOI");
    while (const int marker = next_marker()) {
      if (marker == 0xd9) break;  // what follows EOI is not this picture: a thumbnail, a second frame, garbage
      if (is_bare_marker(marker)) continue;
      if (!segment(marker)) break;
    }
    if (!info_.width) fail_data({.file = name_, .field = "SOF"}, "no frame header: the file ends before the picture");
    if (!info_.scans) fail_data({.file = name_, .field = "SOS"}, "no scan: the file ends before the picture's data");
    return info_;
  }

 private:
  // The next marker code; 0 at the end of the file. Bytes between segments are skipped, as every decoder does; in the
  // data of a scan FF 00 is a stuffed byte and FF FF is fill.
  int next_marker() {
    const Bytes all = r_.all();
    for (std::size_t i = r_.position(); i + 1 < all.size(); ++i) {
      const int code = std::to_integer<int>(all[i + 1]);
      if (std::to_integer<int>(all[i]) != 0xff || code == 0 || code == 0xff) continue;
      r_.seek(i + 2, "marker");
      return code;
    }
    return 0;
  }

  // Reads one segment. False: the file is cut short here, after a scan, so that there is a picture to show.
  bool segment(int marker) {
    const std::size_t at = r_.position();
    const bool cut = info_.scans > 0 && (r_.left() < 2 || r_.left() < peek_length());
    if (cut) return false;
    const std::uint16_t length = r_.u16("segment length");
    if (length < 2)
      fail_data({.file = name_, .field = "segment length", .offset = at}, length, ", at least 2 is right");
    ByteReader body(r_.take(length - 2u, "segment"), name_, true);
    if (is_frame_marker(marker)) frame(body, marker);
    if (marker == 0xf7) fail_data({.file = name_, .field = "SOF55"}, "JPEG-LS is not read");
    if (marker == 0xc4) huffman_tables(body);
    if (marker == 0xdb) quantization_tables(body);
    if (marker == 0xda) scan(body);
    if (marker == 0xe1 && info_.exif.empty() && starts_with(body.all(), "Exif")) info_.exif = body.all();
    return true;
  }

  std::size_t peek_length() const {
    const Bytes b = r_.all().subspan(r_.position(), 2);
    return std::to_integer<std::size_t>(b[0]) << 8 | std::to_integer<std::size_t>(b[1]);
  }

  void frame(ByteReader& r, int marker) {
    if (info_.width) fail_data({.file = name_, .field = "SOF"}, "a second frame header");
    const int kind = marker & 0x0f;
    if (kind == 3 || kind == 7 || kind == 11 || kind == 15)
      fail_data({.file = name_, .field = "SOF"}, "the lossless JPEG process is not read");
    if (kind == 5 || kind == 6 || kind == 13 || kind == 14)
      fail_data({.file = name_, .field = "SOF"}, "hierarchical JPEG is not read");
    info_.precision = r.u8("precision");
    if (info_.precision != 8)
      fail_data({.file = name_, .field = "SOF"}, info_.precision, " bits a sample, only 8 are read");
    const int height = r.u16("height"), width = r.u16("width");
    check_pixels(name_, "SOF", width, height, max_pixels_);
    info_.components = r.u8("components");
    if (info_.components < 1 || info_.components > 4)
      fail_data({.file = name_, .field = "SOF"}, info_.components, " components, 1 to 4 are read");
    for (int i = 0; i < info_.components; ++i) {
      r.u8("component id");
      const int sampling = r.u8("sampling"), h = sampling >> 4, v = sampling & 15, table = r.u8("table");
      if (h < 1 || h > 4 || v < 1 || v > 4 || table > 3)
        fail_data({.file = name_, .field = "SOF"}, "component ", i, ": sampling ", h, "x", v, ", table ", table,
                  "; 1 to 4 and 0 to 3 are right");
    }
    info_.width = width;
    info_.height = height;
  }

  // A table's code counts must not add up to more than 256: stb_image 2.27 writes past its arrays there.
  void huffman_tables(ByteReader& r) {
    while (r.left() > 0) {
      const int id = r.u8("DHT id");
      if ((id >> 4) > 1 || (id & 15) > 3)
        fail_data({.file = name_, .field = "DHT"}, "class ", id >> 4, ", id ", id & 15,
                  "; 0 to 1 and 0 to 3 are right");
      std::size_t total = 0;
      for (int i = 0; i < 16; ++i) total += r.u8("DHT counts");
      if (total > 256) fail_data({.file = name_, .field = "DHT"}, total, " codes in a table, at most 256 are right");
      r.take(total, "DHT symbols");
    }
  }

  void quantization_tables(ByteReader& r) {
    while (r.left() > 0) {
      const int id = r.u8("DQT id");
      if ((id >> 4) > 1 || (id & 15) > 3)
        fail_data({.file = name_, .field = "DQT"}, "precision ", id >> 4, ", id ", id & 15,
                  "; 0 to 1 and 0 to 3 are right");
      r.take((id >> 4) ? 128 : 64, "DQT values");
    }
  }

  void scan(ByteReader& r) {
    if (!info_.width) fail_data({.file = name_, .field = "SOS"}, "comes before the frame header");
    const int n = r.u8("SOS components");
    if (n < 1 || n > info_.components)
      fail_data({.file = name_, .field = "SOS"}, n, " components of a frame with ", info_.components);
    r.take(static_cast<std::size_t>(n) * 2 + 3, "SOS parameters");
    const std::int64_t pixels = std::int64_t{info_.width} * info_.height;
    if (++info_.scans > kMostScannedPixels / pixels)
      fail_data({.file = name_, .field = "SOS"}, info_.scans, " scans of ", info_.width, "x", info_.height,
                " pixels are above the limit of ", kMostScannedPixels, " pixels in all scans");
  }

  ByteReader r_;
  std::string_view name_;
  std::int64_t max_pixels_;
  JpegInfo info_;
};

inline JpegInfo walk_jpeg(Bytes bytes, std::string_view name, std::int64_t max_pixels) {
  return JpegWalk(bytes, name, max_pixels).run();
}

}  // namespace detail
}  // namespace fovea::inline FOVEA_ABI
