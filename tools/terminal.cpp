#include "terminal.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace fovea::tools {

namespace {
bool utf8_locale() {
  static const bool yes = [] {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {  // the first that is set decides
      const char* value = std::getenv(name);
      if (value && *value) {
        const std::string_view v = value;
        return v.find("UTF-8") != v.npos || v.find("utf8") != v.npos || v.find("UTF8") != v.npos;
      }
    }
    return false;
  }();
  return yes;
}

// Columns of UTF-8 text, counted as one a code point.
int width_of(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}
}  // namespace

std::string bar(double fraction, int width) {
  static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double f = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0;
  const int eighths = static_cast<int>(std::lround(f * width * 8)), full = eighths / 8;
  std::string s;
  if (!utf8_locale()) {
    s.assign(static_cast<std::size_t>(std::lround(f * width)), '#');
    return s + std::string(static_cast<std::size_t>(width) - s.size(), ' ');
  }
  for (int i = 0; i < full; ++i) s += "█";
  s += kEighths[eighths % 8];
  return s + std::string(static_cast<std::size_t>(width - full - (eighths % 8 ? 1 : 0)), ' ');
}

std::string column(std::string_view text, int width) {
  const int w = width_of(text);
  if (w <= width) return std::string(text) + std::string(static_cast<std::size_t>(width - w), ' ');
  std::string s;
  int n = 0;
  for (const char c : text) {
    if ((c & 0xc0) != 0x80 && ++n == width) break;
    s += c;
  }
  return s + (utf8_locale() ? "…" : "~");
}

Progress::Progress(std::string what, std::int64_t total)
    : what_(std::move(what)),
      total_(total),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      last_(start_) {}

Progress::~Progress() {
  if (drawn_ && terminal_) std::fputs("\r\033[K", stderr);
}

void Progress::set(std::int64_t done, std::int64_t total) {
  done_ = done, total_ = total;
  if (total_ < 2) return;
  const Clock::time_point now = Clock::now();
  const auto pause = terminal_ ? std::chrono::milliseconds(100) : std::chrono::seconds(10);
  if (now - last_ >= pause) draw(now);
}

void Progress::draw(Clock::time_point now) {
  last_ = now;
  drawn_ = true;
  const double fraction = static_cast<double>(done_) / static_cast<double>(total_);
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const std::string left = duration(elapsed / std::max(fraction, 1e-9) * (1 - fraction));
  if (terminal_)
    std::fprintf(stderr, "\r\033[K%s %s %s/%s, %s left", what_.c_str(), bar(fraction, 30).c_str(),
                 grouped(done_).c_str(), grouped(total_).c_str(), left.c_str());
  else
    std::fprintf(stderr, "%s %s/%s, %s left\n", what_.c_str(), grouped(done_).c_str(), grouped(total_).c_str(),
                 left.c_str());
  std::fflush(stderr);
}

}  // namespace fovea::tools
