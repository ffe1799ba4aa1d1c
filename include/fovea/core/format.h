// Numbers as people read them. Layer core.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>

#include <fovea/core/config.h>

namespace fovea::inline FOVEA_ABI {

// 25557032 -> "25,557,032".
inline std::string grouped(std::int64_t n) {
  std::string s = std::to_string(n);
  for (int i = static_cast<int>(s.size()) - 3; i > (n < 0 ? 1 : 0); i -= 3) s.insert(static_cast<std::size_t>(i), ",");
  return s;
}

// "18.8 MB", in powers of 1,000.
inline std::string file_size(double bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  int unit = 0;
  for (; bytes >= 1000 && unit < 4; ++unit) bytes /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, kUnits[unit]);
  return text;
}

// "12 s", "3 min 05 s", "2 h 10 min".
inline std::string duration(double seconds) {
  const long s = std::lround(seconds);
  char text[64];
  if (s < 60)
    std::snprintf(text, sizeof text, "%ld s", s);
  else if (s < 3600)
    std::snprintf(text, sizeof text, "%ld min %02ld s", s / 60, s % 60);
  else
    std::snprintf(text, sizeof text, "%ld h %02ld min", s / 3600, s / 60 % 60);
  return text;
}

}  // namespace fovea::inline FOVEA_ABI
