#include "access_log.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>

#include "../document.h"

namespace fovea::tools {

namespace {
constexpr std::size_t kLongestPath = 200;

std::string now_text() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const std::size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + n, sizeof text - n, ".%03dZ", static_cast<int>(ms % 1000));
  return text;
}

// False if stderr would not take the line at once. A pipe that is ready takes PIPE_BUF bytes without waiting, and the
// longest of our lines, with a method and a path of kLongestPath characters, is a quarter of that.
bool write_line(const std::string& line) {
  pollfd ready{STDERR_FILENO, POLLOUT, 0};
  if (line.size() >= PIPE_BUF || poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT)) return false;
  return ::write(STDERR_FILENO, (line + "\n").c_str(), line.size() + 1) >= 0;
}

// A client's text may neither break the line nor steer a terminal.
std::string printable(std::string_view text) {
  std::string out(text.empty() ? "-" : text.substr(0, kLongestPath));
  for (char& c : out)
    if (c <= ' ' || c > '~') c = '?';
  return out;
}
}  // namespace

std::string log_line(LogFormat format, const Access& a) {
  char milliseconds[32];
  std::snprintf(milliseconds, sizeof milliseconds, "%.1f", 1e3 * a.seconds);
  if (format == LogFormat::text)
    return now_text() + " " + a.client + " " + printable(a.method) + " " + printable(a.path) + " " +
           std::to_string(a.status) + " in " + std::to_string(a.received) + " out " + std::to_string(a.sent) + " " +
           milliseconds + " ms";
  return text_of({{"time", now_text()},
                  {"client", a.client},
                  {"method", printable(a.method)},
                  {"path", printable(a.path)},
                  {"status", a.status},
                  {"received", a.received},
                  {"sent", a.sent},
                  {"ms", std::stod(milliseconds)}},
                 -1);
}

std::string AccessLog::dropped_line() const {
  if (format_ == LogFormat::json) return text_of({{"time", now_text()}, {"dropped", dropped_}}, -1);
  return now_text() + " " + std::to_string(dropped_) + " lines were dropped, since nobody read them";
}

void AccessLog::write(const Access& access) {
  if (dropped_ > 0 && write_line(dropped_line())) dropped_ = 0;
  if (dropped_ > 0 || !write_line(log_line(format_, access))) ++dropped_;
}

}  // namespace fovea::tools
