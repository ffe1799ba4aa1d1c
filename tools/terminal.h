// What the program prints for people: bars, aligned columns, progress with the time left.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <fovea/core/format.h>

namespace fovea::tools {

// A bar of `width` columns filled to `fraction` (0..1), in eighths of a column where the locale is UTF-8, else in '#'.
std::string bar(double fraction, int width);

// Cut or filled with blanks to `width` columns; a cut text ends in "…" (or "~").
std::string column(std::string_view text, int width);

// Progress of `total` items on stderr: a bar with the time left on a terminal, a line now and then elsewhere, nothing
// where there are fewer than two items.
class Progress {
 public:
  Progress(std::string what, std::int64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void advance(std::int64_t items) { set(done_ + items, total_); }
  void set(std::int64_t done, std::int64_t total);  // of work whose total grows

 private:
  using Clock = std::chrono::steady_clock;
  void draw(Clock::time_point now);

  std::string what_;
  std::int64_t total_, done_ = 0;
  bool terminal_, drawn_ = false;
  Clock::time_point start_, last_;
};

}  // namespace fovea::tools
