// One line a request on stderr, as text or JSON: when, who, what, how it ended. The path without its query, and nothing
// of the photo.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fovea::tools {

enum class LogFormat { text, json };

struct Access {
  std::string client;        // address; "-" if it had gone already
  std::string method, path;  // empty where no head was understood
  int status = 0;            // 499: the client went away before its answer
  std::uint64_t received = 0, sent = 0;
  double seconds = 0;  // from the end of the head to the end of the answer
};

// "2026-11-26T03:04:05.678Z" and so on; ends without a newline.
std::string log_line(LogFormat format, const Access& access);

// Writes the lines. Nobody waits for whoever reads them: what stderr does not take at once is dropped, and how many
// lines that were is said as soon as it takes one again. For one thread.
class AccessLog {
 public:
  explicit AccessLog(LogFormat format) : format_(format) {}
  void write(const Access& access);

 private:
  std::string dropped_line() const;

  LogFormat format_;
  std::uint64_t dropped_ = 0;
};

}  // namespace fovea::tools
