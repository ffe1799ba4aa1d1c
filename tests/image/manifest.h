// A folder of awkward pictures with a manifest.json (its layout: README-data.md of the data folder), and how a decoded
// picture is held against an entry.
#pragma once

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <fovea/image/decode.h>
#include <fovea/io/sha256.h>
#include <support/catch.h>
#include <support/support.h>

namespace fovea::test {

inline nlohmann::json manifest_files(const std::filesystem::path& folder) {
  return nlohmann::json::parse(read_text(folder / "manifest.json")).at("files");
}

inline bool flag(const nlohmann::json& entry, const char* name) { return entry.value(name, false); }

// To be decoded right: read by Pillow, and not deliberately odd or broken.
inline bool is_sound(const nlohmann::json& e) {
  return e.at("expect") == "ok" && !flag(e, "damaged") && !flag(e, "pillow_limit");
}

// The pixels as Pillow gives them; 16-bit grey by its high byte, since Pillow's own conversion clips.
inline bool has_stored_hash(const nlohmann::json& e, const Tensor<std::uint8_t>& pixels) {
  const std::string want = e.value("sha256_rgb_hi8", e.at("sha256_rgb").get<std::string>());
  return sha256_hex(std::as_bytes(pixels.values())) == want;
}

// The mean of one channel over rows [y0, y1) and columns [x0, x1).
inline double box_mean(const Tensor<std::uint8_t>& t, std::int64_t y0, std::int64_t y1, std::int64_t x0,
                       std::int64_t x1, std::int64_t c) {
  double sum = 0;
  for (std::int64_t y = y0; y < y1; ++y)
    for (std::int64_t x = x0; x < x1; ++x) sum += t.data()[(y * t.size(1) + x) * 3 + c];
  return sum / static_cast<double>((y1 - y0) * (x1 - x0));
}

// The largest difference to grid4x4, or to mean_rgb for pictures without a grid.
inline double grid_difference(const nlohmann::json& e, const Tensor<std::uint8_t>& t) {
  const std::int64_t h = t.size(0), w = t.size(1), n = e.contains("grid4x4") ? 4 : 1;
  double most = 0;
  for (std::int64_t k = 0; k < n * n * 3; ++k) {
    const std::int64_t i = k / 3 / n, j = k / 3 % n, c = k % 3;
    const double want = n == 4 ? e.at("grid4x4")[static_cast<std::size_t>(k / 3)][static_cast<std::size_t>(c)]
                               : e.at("mean_rgb")[static_cast<std::size_t>(c)];
    const double got = box_mean(t, i * h / n, (i + 1) * h / n, j * w / n, (j + 1) * w / n, c);
    most = std::max(most, std::abs(got - want));
  }
  return most;
}

}  // namespace fovea::test
