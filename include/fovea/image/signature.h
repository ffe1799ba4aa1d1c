// What kind of file some bytes are, by their first bytes and never by a name. Layer image.
// Formats that fovea does not read are recognised too, so that they can be refused by name.
#pragma once

#include <optional>
#include <string_view>

#include <fovea/image/byte_reader.h>

namespace fovea::inline FOVEA_ABI {

enum class ImageFormat { png, jpeg, bmp, pnm, unsupported, unknown };

struct Signature {
  ImageFormat format = ImageFormat::unknown;
  std::string_view name = "unknown";  // "PNG", "WebP", ...
};

namespace detail {

struct Magic {
  std::size_t offset;
  std::string_view bytes;
  Signature signature;
};

using namespace std::string_view_literals;
inline constexpr Magic kMagics[] = {
    {0, "\x89PNG\r\n\x1a\n"sv, {ImageFormat::png, "PNG"}},
    {0, "\xff\xd8\xff"sv, {ImageFormat::jpeg, "JPEG"}},
    {0, "BM"sv, {ImageFormat::bmp, "BMP"}},
    {0, "GIF87a"sv, {ImageFormat::unsupported, "GIF"}},
    {0, "GIF89a"sv, {ImageFormat::unsupported, "GIF"}},
    {8, "WEBP"sv, {ImageFormat::unsupported, "WebP"}},
    {0, "II*\0"sv, {ImageFormat::unsupported, "TIFF"}},
    {0, "MM\0*"sv, {ImageFormat::unsupported, "TIFF"}},
    {0, "II+\0"sv, {ImageFormat::unsupported, "BigTIFF"}},
    {0, "MM\0+"sv, {ImageFormat::unsupported, "BigTIFF"}},
    {0, "\xff\x0a"sv, {ImageFormat::unsupported, "JPEG XL"}},
    {0, "\0\0\0\x0cJXL \r\n\x87\n"sv, {ImageFormat::unsupported, "JPEG XL"}},
    {0, "\0\0\0\x0cjP  \r\n\x87\n"sv, {ImageFormat::unsupported, "JPEG 2000"}},
    {0, "\xff\x4f\xff\x51"sv, {ImageFormat::unsupported, "JPEG 2000"}},
    {0, "8BPS"sv, {ImageFormat::unsupported, "PSD"}},
    {0, "qoif"sv, {ImageFormat::unsupported, "QOI"}},
    {0, "#?RADIANCE"sv, {ImageFormat::unsupported, "Radiance HDR"}},
    {0, "#?RGBE"sv, {ImageFormat::unsupported, "Radiance HDR"}},
    {0, "\x76\x2f\x31\x01"sv, {ImageFormat::unsupported, "OpenEXR"}},
    {0, "DDS "sv, {ImageFormat::unsupported, "DDS"}},
    {0, "\0\0\x01\0"sv, {ImageFormat::unsupported, "ICO"}},
    {0, "\x8aMNG\r\n\x1a\n"sv, {ImageFormat::unsupported, "MNG"}},
    {0, "%PDF"sv, {ImageFormat::unsupported, "PDF"}},
    {0, "%!PS"sv, {ImageFormat::unsupported, "PostScript"}},
    {0, "<svg"sv, {ImageFormat::unsupported, "SVG"}},
    {0, "<?xml"sv, {ImageFormat::unsupported, "XML (SVG)"}},
};

// The brand of an ISO media file ("ftyp" box): HEIC and AVIF photos.
inline std::optional<Signature> media_brand(std::string_view head) {
  if (head.size() < 12 || head.substr(4, 4) != "ftyp") return std::nullopt;
  const std::string_view brand = head.substr(8, 4);
  for (const auto& b : {"avif"sv, "avis"sv})
    if (brand == b) return Signature{ImageFormat::unsupported, "AVIF"};
  for (const auto& b : {"heic"sv, "heix"sv, "heim"sv, "heis"sv, "hevc"sv, "hevx"sv, "mif1"sv, "msf1"sv})
    if (brand == b) return Signature{ImageFormat::unsupported, "HEIC"};
  return Signature{ImageFormat::unsupported, "MP4 video"};
}

// Netpbm: P1..P6 are read; P7 is PAM, PF and Pf are the floating-point form.
inline std::optional<Signature> netpbm(std::string_view head) {
  if (head.size() < 3 || head[0] != 'P') return std::nullopt;
  const bool blank = head[2] == '#' || head[2] == ' ' || (head[2] >= '\t' && head[2] <= '\r');
  if (!blank) return std::nullopt;
  if (head[1] >= '1' && head[1] <= '6') return Signature{ImageFormat::pnm, "PNM"};
  if (head[1] == '7') return Signature{ImageFormat::unsupported, "PAM"};
  if (head[1] == 'F' || head[1] == 'f') return Signature{ImageFormat::unsupported, "PFM"};
  return std::nullopt;
}

}  // namespace detail

// The format of a file from its first bytes (at most 16 are looked at).
inline Signature image_signature(std::span<const std::byte> bytes) {
  const std::string_view head = detail::as_text(bytes).substr(0, 16);
  for (const auto& m : detail::kMagics)
    if (head.size() > m.offset && head.substr(m.offset, m.bytes.size()) == m.bytes) return m.signature;
  if (const auto s = detail::media_brand(head)) return *s;
  return detail::netpbm(head).value_or(Signature{});
}

}  // namespace fovea::inline FOVEA_ABI
