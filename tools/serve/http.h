// A request and its answer as plain values, so that everything but beast.h, session.h and server.cpp is free of Boost.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea::tools {

using Clock = std::chrono::steady_clock;

// "/api/classify?top=5&name=a%20b.jpg" taken apart, or the same with http://localhost:8080 before it; names and values
// of the query decoded.
struct Target {
  std::string authority;  // "localhost:8080"; mostly empty
  std::string path;       // "*" is that of OPTIONS
  std::vector<std::pair<std::string, std::string>> query;
};

// What stands before a request's body. Header values are as they were sent.
struct Head {
  std::string method;  // "GET"
  Target target;
  std::optional<std::string> host, origin, authorization;
  std::string content_type, content_encoding, expect;
  std::optional<std::uint64_t> content_length;
  std::string local_address;  // of ours, that the connection came in on
};

struct Response {
  int status = 200;
  std::string type;  // Content-Type
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// What every answer carries: nothing of another origin, no guessing of types, no address passed on.
inline constexpr std::pair<std::string_view, std::string_view> kSecurityHeaders[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; "
     "media-src blob:; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"}};

// Takes a request's target apart; nothing if it is malformed.
std::optional<Target> parse_target(std::string_view text);

// text: a JSON document.
Response json_response(std::string text);
// {"error":{"code","message"}}
Response error_response(int status, const std::string& code, const std::string& message);
// 503 with Retry-After: come back later.
Response busy_response(const std::string& code, const std::string& message);

bool equals_ignoring_case(std::string_view a, std::string_view b);
bool starts_ignoring_case(std::string_view text, std::string_view start);

}  // namespace fovea::tools
