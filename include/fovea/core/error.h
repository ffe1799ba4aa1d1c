// Error and the one way to raise it. Layer core.
//
//   fail("conv2d: input ", x.shape(), " has ", c, " channels, weight ", w.shape(), " wants ", i);   // a wrong call
//   fail_data({.file = path, .field = "data_offsets", .offset = at}, "end ", e, " is past the file's ", n, " bytes");
//
// A message says what was found, where, and what would be right. With -fno-exceptions the same calls end in the handler
// of set_failure_handler (default: print and abort).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fovea/core/status.h>

namespace fovea::inline FOVEA_ABI {

class Error : public std::exception {
 public:
  Error(Code code, std::string message, std::string_view field = {}, std::uint64_t offset = Status::kNoOffset)
      : text_(std::move(message)) {
    for (char& c : text_)  // names out of hostile files must neither cut the message short nor steer a terminal
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f) c = '?';
    status_.code = code;
    status_.offset = offset;
    Status::copy(status_.field, field.data(), field.size());
    Status::copy(status_.message, text_.data(), text_.size());
  }
  const char* what() const noexcept override { return text_.c_str(); }
  Code code() const { return status_.code; }
  const Status& status() const { return status_; }

 private:
  Status status_;
  std::string text_;
};

using FailureHandler = void (*)(const Status&);

namespace detail {
inline void print_and_abort(const Status& s) {
  std::fprintf(stderr, "fovea: %s\n", s.message);
  std::abort();
}
inline FailureHandler failure_handler = print_and_abort;

[[noreturn]] inline void raise(Error e) {
#if defined(__cpp_exceptions)
  throw e;
#else
  failure_handler(e.status());
  std::abort();  // a handler that returns has nowhere to return to
#endif
}
}  // namespace detail

// For builds without exceptions: called with what failed. It must not return.
inline void set_failure_handler(FailureHandler handler) { detail::failure_handler = handler; }

namespace detail {
// A part as it is printed: the one-byte integers as numbers, not as characters.
template <class T>
decltype(auto) printed(const T& part) {
  if constexpr (std::is_same_v<T, std::int8_t> || std::is_same_v<T, std::uint8_t>) return static_cast<int>(part);
  else return (part);
}
}  // namespace detail

// The parts, printed one after the other with operator<<.
template <class... Parts>
std::string to_text(const Parts&... parts) {
  std::ostringstream s;
  (s << ... << detail::printed(parts));
  return std::move(s).str();
}

template <class... Parts>
[[noreturn]] void fail_as(Code code, const Parts&... parts) {
  detail::raise(Error(code, to_text(parts...)));
}

// A wrong call. Starts with the name of the op or function.
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  fail_as(Code::invalid_argument, parts...);
}

// Where in untrusted input something is wrong. All parts are optional.
struct Where {
  std::string_view file = {};
  std::string_view field = {};
  std::uint64_t offset = Status::kNoOffset;
};

// Bad data: the message becomes "FILE: FIELD at byte OFFSET: parts...".
template <class... Parts>
[[noreturn]] void fail_data(const Where& where, const Parts&... parts) {
  std::ostringstream s;
  if (!where.file.empty()) s << where.file << ": ";
  if (!where.field.empty()) s << where.field;
  if (where.offset != Status::kNoOffset) s << (where.field.empty() ? "at byte " : " at byte ") << where.offset;
  if (!where.field.empty() || where.offset != Status::kNoOffset) s << ": ";
  (s << ... << detail::printed(parts));
  detail::raise(Error(Code::bad_data, std::move(s).str(), where.field, where.offset));
}

}  // namespace fovea::inline FOVEA_ABI
