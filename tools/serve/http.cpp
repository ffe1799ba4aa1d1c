#include "http.h"

#include <algorithm>

#include "../document.h"

namespace fovea::tools {

namespace {
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

// %41 becomes A, + a blank; nothing where a % is not followed by two hexadecimal digits.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = high < 0 ? -1 : hex_digit(text[i + 2]);
      if (low < 0) return std::nullopt;
      out += static_cast<char>(16 * high + low);
      i += 2;
    }
  }
  return out;
}
}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool starts_ignoring_case(std::string_view text, std::string_view start) {
  return equals_ignoring_case(text.substr(0, start.size()), start);
}

std::optional<Target> parse_target(std::string_view text) {
  Target target;
  if (constexpr std::string_view kScheme = "http://"; starts_ignoring_case(text, kScheme)) {
    text.remove_prefix(kScheme.size());
    target.authority = text.substr(0, text.find_first_of("/?"));
    if (target.authority.empty()) return std::nullopt;
    text.remove_prefix(target.authority.size());
    if (!text.starts_with('/')) target.path = "/";
  } else if (!text.starts_with('/') && text != "*") {
    return std::nullopt;
  }
  const std::size_t mark = text.find('?');
  // Paths are compared as they stand: none of ours needs an escape, and nothing is looked up in a file system.
  target.path += text.substr(0, mark);
  std::string_view rest = mark == text.npos ? std::string_view() : text.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const auto name = decoded(pair.substr(0, equals));
    const auto value = decoded(equals == pair.npos ? std::string_view() : pair.substr(equals + 1));
    if (!name || !value) return std::nullopt;
    target.query.emplace_back(*name, *value);
  }
  return target;
}

Response json_response(std::string text) {
  return {.status = 200, .type = "application/json", .body = std::move(text) + "\n"};
}

Response error_response(int status, const std::string& code, const std::string& message) {
  Response r = json_response(text_of({{"error", {{"code", code}, {"message", message}}}}, -1));
  r.status = status;
  return r;
}

Response busy_response(const std::string& code, const std::string& message) {
  Response r = error_response(503, code, message);
  r.headers.emplace_back("Retry-After", "1");
  return r;
}

}  // namespace fovea::tools
