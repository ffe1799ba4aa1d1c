#include "access_log.h"

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

void write_log(LogFormat format, const Access& access) {
  std::fputs((log_line(format, access) + "\n").c_str(), stderr);
}

}  // namespace fovea::tools
