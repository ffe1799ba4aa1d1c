// The parser and the writer behind core/json.h. Layer core; read json.h first.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include <fovea/core/json.h>

namespace fovea::inline FOVEA_ABI {

FOVEA_INLINE std::size_t invalid_utf8(std::string_view s) {
  const auto tail = [&](std::size_t i) { return i < s.size() && (static_cast<unsigned char>(s[i]) & 0xc0) == 0x80; };
  for (std::size_t i = 0; i < s.size();) {
    const auto a = static_cast<unsigned char>(s[i]);
    const auto b = static_cast<unsigned char>(i + 1 < s.size() ? s[i + 1] : 0);
    std::size_t length = 0;
    if (a < 0x80)
      length = 1;
    else if (a >= 0xc2 && a <= 0xdf && tail(i + 1))
      length = 2;
    else if ((a & 0xf0) == 0xe0 && tail(i + 1) && tail(i + 2) && !(a == 0xe0 && b < 0xa0) && !(a == 0xed && b >= 0xa0))
      length = 3;
    else if (a >= 0xf0 && a <= 0xf4 && tail(i + 1) && tail(i + 2) && tail(i + 3) && !(a == 0xf0 && b < 0x90) &&
             !(a == 0xf4 && b >= 0x90))
      length = 4;
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

namespace detail {

inline void write_json_string(std::string& out, std::string_view s) {
  if (const std::size_t bad = invalid_utf8(s); bad != std::string_view::npos)
    fail("json: byte ", bad, " of a string is not valid UTF-8");
  out += '"';
  for (const char c : s) {
    constexpr std::string_view from = "\"\\\b\f\n\r\t", to = "\"\\bfnrt";
    if (const std::size_t i = from.find(c); i != std::string_view::npos) {
      out += '\\';
      out += to[i];
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr std::string_view hex = "0123456789abcdef";
      out += "\\u00";
      out += hex[static_cast<std::size_t>(c) >> 4];
      out += hex[static_cast<std::size_t>(c) & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

inline void write_json_number(std::string& out, double v) {
  if (!std::isfinite(v)) fail("json: ", v, " cannot be written");
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, v).ptr;
  out.append(text, end);
  if (std::none_of(text, end, [](char c) { return c == '.' || c == 'e'; })) out += ".0";  // stays a double
}

// Recursive descent over the text; one member function a rule of the grammar.
class JsonParser {
 public:
  JsonParser(std::string_view text, const Where& where) : text_(text), where_(where) {}

  Json document() {
    if (const std::size_t bad = invalid_utf8(text_); bad != std::string_view::npos) error(bad, "not valid UTF-8");
    Json j = value(0);
    skip_space();
    if (at_ != text_.size()) error(at_, "text after the value");
    return j;
  }

 private:
  static constexpr int kMaxDepth = 64;
  static constexpr std::size_t kMaxValues = std::size_t{1} << 23;  // a value takes 40 bytes, its text may take 2

  template <class... Parts>
  [[noreturn]] void error(std::size_t at, const Parts&... parts) const {
    const std::uint64_t base = where_.offset == Status::kNoOffset ? 0 : where_.offset;
    fail_data({.file = where_.file, .field = where_.field.empty() ? "json" : where_.field, .offset = base + at},
              parts...);
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() {
    while (at_ < text_.size() && std::strchr(" \t\n\r", text_[at_]) && text_[at_] != '\0') ++at_;
  }
  bool take(char c) {
    skip_space();
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c, const char* after) {
    if (!take(c)) error(at_, "'", c, "' is missing after ", after);
  }
  void word(std::string_view w) {
    if (text_.substr(at_, w.size()) != w) no_value();
    at_ += w.size();
  }
  [[noreturn]] void no_value() const {
    error(at_, "a value is wanted: object, array, string, number, true, false or null");
  }

  Json value(int depth) {
    skip_space();
    if (++count_ > kMaxValues) error(at_, "more than ", kMaxValues, " values");
    if (depth > kMaxDepth) error(at_, "nested more than ", kMaxDepth, " levels deep");
    switch (peek()) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"':
        return string();
      case 't':
        return word("true"), Json(true);
      case 'f':
        return word("false"), Json(false);
      case 'n':
        return word("null"), Json();
      default:
        return number();
    }
  }

  Json object(int depth) {
    Json::Object members;
    std::vector<std::size_t> offsets;
    ++at_;
    if (take('}')) return members;
    do {
      skip_space();
      offsets.push_back(at_);
      if (peek() != '"') error(at_, "a member name in double quotes is wanted");
      std::string key = string();
      expect(':', "a member name");
      members.emplace_back(std::move(key), value(depth + 1));
    } while (take(','));
    expect('}', "the last member");
    check_unique(members, offsets);
    return members;
  }
  void check_unique(const Json::Object& members, const std::vector<std::size_t>& offsets) const {
    std::vector<std::pair<std::string_view, std::size_t>> names;
    for (std::size_t i = 0; i < members.size(); ++i) names.emplace_back(members[i].first, offsets[i]);
    std::ranges::sort(names);
    const auto twice = std::ranges::adjacent_find(names, {}, &std::pair<std::string_view, std::size_t>::first);
    if (twice != names.end()) error(twice[1].second, "the name \"", twice->first, "\" stands twice in one object");
  }

  Json array(int depth) {
    Json::Array elements;
    ++at_;
    if (take(']')) return elements;
    do elements.push_back(value(depth + 1));
    while (take(','));
    expect(']', "the last element");
    return elements;
  }

  std::string string() {
    std::string out;
    for (++at_;; ++at_) {
      if (at_ == text_.size()) error(at_, "a string without its closing quote");
      const char c = text_[at_];
      if (c == '"') break;
      if (static_cast<unsigned char>(c) < 0x20) error(at_, "a control character in a string must be escaped");
      if (c == '\\')
        escape(out);
      else
        out += c;
    }
    ++at_;
    return out;
  }
  // at_ is on the backslash; left on the last character of the escape.
  void escape(std::string& out) {
    const std::size_t start = at_++;
    constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    if (const std::size_t i = from.find(peek()); at_ < text_.size() && i != std::string_view::npos) {
      out += to[i];
      return;
    }
    if (peek() != 'u') error(start, "an unknown escape in a string");
    std::uint32_t code = hex4(start);
    if (code >= 0xdc00 && code <= 0xdfff) error(start, "a low surrogate without a high one");
    if (code >= 0xd800 && code <= 0xdbff) {
      if (text_.substr(at_ + 1, 2) != "\\u") error(start, "a high surrogate without a low one");
      at_ += 2;
      const std::uint32_t low = hex4(start);
      if (low < 0xdc00 || low > 0xdfff) error(start, "a high surrogate without a low one");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, code);
  }
  // The four digits after at_ (on the 'u'); at_ moves to the last of them.
  std::uint32_t hex4(std::size_t start) {
    std::uint32_t code = 0;
    const std::string_view digits = text_.substr(at_ + 1, 4);
    const auto r = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || r.ptr != digits.data() + 4) error(start, "\\u wants four hexadecimal digits");
    at_ += 4;
    return code;
  }
  static void append_utf8(std::string& out, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) return put(code);
    if (code < 0x800)
      put(0xc0 | (code >> 6));
    else if (code < 0x10000)
      put(0xe0 | (code >> 12)), put(0x80 | ((code >> 6) & 63));
    else
      put(0xf0 | (code >> 18)), put(0x80 | ((code >> 12) & 63)), put(0x80 | ((code >> 6) & 63));
    put(0x80 | (code & 63));
  }

  bool digits() {
    const std::size_t start = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > start;
  }
  Json number() {
    const std::size_t start = at_;
    if (peek() == '-') ++at_;
    const std::size_t first = at_;
    if (!digits()) {
      at_ = start;
      no_value();
    }
    if (text_[first] == '0' && at_ > first + 1) error(start, "a number with leading zeros");
    bool integer = true;
    if (peek() == '.') {
      integer = false;
      ++at_;
      if (!digits()) error(start, "a number without digits after its point");
    }
    if (peek() == 'e' || peek() == 'E') {
      integer = false;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!digits()) error(start, "a number without digits in its exponent");
    }
    const char* from = text_.data() + start;
    const char* to = text_.data() + at_;
    if (integer && text_.substr(start, at_ - start) != "-0") {  // -0 is a double: an integer has no sign of zero
      std::int64_t v = 0;
      if (std::from_chars(from, to, v).ec == std::errc()) return v;
    }
    double v = 0;
    if (std::from_chars(from, to, v).ec != std::errc()) error(start, "a number outside the range of a double");
    return v;
  }

  std::string_view text_;
  Where where_;
  std::size_t at_ = 0, count_ = 0;
};

}  // namespace detail

FOVEA_INLINE Json Json::parse(std::string_view text, Where where) { return detail::JsonParser(text, where).document(); }

FOVEA_INLINE void Json::write(std::string& out) const {
  const auto list = [&out](char open, const auto& elements, char close, auto&& each) {
    out += open;
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (i > 0) out += ',';
      each(elements[i]);
    }
    out += close;
  };
  switch (kind()) {
    case Kind::null:
      out += "null";
      break;
    case Kind::boolean:
      out += std::get<bool>(value_) ? "true" : "false";
      break;
    case Kind::integer:
      out += std::to_string(std::get<std::int64_t>(value_));
      break;
    case Kind::real:
      detail::write_json_number(out, std::get<double>(value_));
      break;
    case Kind::string:
      detail::write_json_string(out, std::get<std::string>(value_));
      break;
    case Kind::array:
      list('[', std::get<Array>(value_), ']', [&](const Json& j) { j.write(out); });
      break;
    case Kind::object:
      list('{', std::get<Object>(value_), '}', [&](const Member& m) {
        detail::write_json_string(out, m.first);
        out += ':';
        m.second.write(out);
      });
      break;
  }
}

}  // namespace fovea::inline FOVEA_ABI
