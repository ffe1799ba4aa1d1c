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
#include <memory>
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
// One part of a message: where it is, and how a value of its type is printed. Messages have hundreds of combinations of
// types; each costs a row of these and a call, and not a formatter of its own.
struct TextPart {
  const void* value;
  void (*print)(std::ostream&, const void*);

  template <class T>
  TextPart(const T& part)  // implicit: a list of parts is written as a list of values
      : value(static_cast<const void*>(std::addressof(part))), print(print_value<T>) {}
  template <std::size_t N>
  TextPart(const char (&text)[N]) : value(text), print(print_characters) {}

  template <class T>
  static void print_value(std::ostream& out, const void* value) {
    const T& part = *static_cast<const T*>(value);
    // The one-byte integers are numbers, not characters.
    if constexpr (std::is_same_v<T, std::int8_t> || std::is_same_v<T, std::uint8_t>)
      out << static_cast<int>(part);
    else
      out << part;
  }
  static void print_characters(std::ostream& out, const void* text) { out << static_cast<const char*>(text); }
};

inline void write(std::ostream& out, const TextPart* parts, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) parts[i].print(out, parts[i].value);
}
[[gnu::noinline]] inline std::string text_of(const TextPart* parts, std::size_t count) {
  std::ostringstream s;
  write(s, parts, count);
  return std::move(s).str();
}
}  // namespace detail

// The parts, printed one after the other with operator<<.
template <class... Parts>
std::string to_text(const Parts&... parts) {
  const detail::TextPart all[] = {parts...};
  return detail::text_of(all, sizeof...(parts));
}

namespace detail {
[[noreturn, gnu::noinline, gnu::cold]] inline void fail_parts(Code code, const TextPart* parts, std::size_t count) {
  raise(Error(code, text_of(parts, count)));
}
}  // namespace detail

template <class... Parts>
[[noreturn]] void fail_as(Code code, const Parts&... parts) {
  const detail::TextPart all[] = {parts...};
  detail::fail_parts(code, all, sizeof...(parts));
}

// A wrong call. Starts with the name of the op or function.
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  const detail::TextPart all[] = {parts...};
  detail::fail_parts(Code::invalid_argument, all, sizeof...(parts));
}

// Where in untrusted input something is wrong. All parts are optional.
struct Where {
  std::string_view file = {};
  std::string_view field = {};
  std::uint64_t offset = Status::kNoOffset;
};

namespace detail {
[[noreturn, gnu::noinline, gnu::cold]] inline void fail_data_parts(const Where& where, const TextPart* parts,
                                                                   std::size_t count) {
  std::ostringstream s;
  if (!where.file.empty()) s << where.file << ": ";
  if (!where.field.empty()) s << where.field;
  if (where.offset != Status::kNoOffset) s << (where.field.empty() ? "at byte " : " at byte ") << where.offset;
  if (!where.field.empty() || where.offset != Status::kNoOffset) s << ": ";
  write(s, parts, count);
  raise(Error(Code::bad_data, std::move(s).str(), where.field, where.offset));
}
}  // namespace detail

// Bad data: the message becomes "FILE: FIELD at byte OFFSET: parts...".
template <class... Parts>
[[noreturn]] void fail_data(const Where& where, const Parts&... parts) {
  const detail::TextPart all[] = {parts...};
  detail::fail_data_parts(where, all, sizeof...(parts));
}

}  // namespace fovea::inline FOVEA_ABI
