// Json: a small value, reader and writer of JSON (RFC 8259). Layer core. File headers and metadata are read with it, so
// its input is hostile: strict grammar, valid UTF-8, unique member names, at most 64 levels deep, and every error
// carries the byte offset. Integers that fit 64 bits stay exact; everything else numeric is a double.
//
//   const Json j = Json::parse(R"({"name": "resnet50", "eps": 1e-5})", {.field = "fovea.model"});
//   j.at("name").as_string();                        // "resnet50"
//   if (const Json* eps = j.find("eps")) eps->as_double();
//   Json out; out["classes"] = Json::Array{"cat", "dog"}; out.dump();
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <fovea/core/error.h>

namespace fovea::inline FOVEA_ABI {

// Offset of the first byte that is not valid UTF-8 (RFC 3629: no overlong forms, no surrogates), or npos.
FOVEA_INLINE std::size_t invalid_utf8(std::string_view s);

class Json {
 public:
  enum class Kind : std::uint8_t { null, boolean, integer, real, string, array, object };
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;  // in the order of the text

  Json() = default;  // null
  Json(std::nullptr_t) {}
  Json(bool v) : value_(v) {}
  template <class I>
  requires(std::is_integral_v<I> && !std::is_same_v<I, bool>) Json(I v) : value_(static_cast<std::int64_t>(v)) {}
  Json(double v) : value_(v) {}
  Json(const char* v) : value_(std::string(v)) {}
  Json(std::string_view v) : value_(std::string(v)) {}
  Json(std::string v) : value_(std::move(v)) {}
  Json(Array v) : value_(std::move(v)) {}
  Json(Object v) : value_(std::move(v)) {}

  // The one value in `text`. Errors are bad data and name `where`; its offset, if set, is where the text begins.
  static Json parse(std::string_view text, Where where = {});

  // Without white space, doubles in the shortest form that reads back equal. NaN, infinity and bad UTF-8 are errors.
  std::string dump() const {
    std::string out;
    write(out);
    return out;
  }

  Kind kind() const { return static_cast<Kind>(value_.index()); }
  bool is_null() const { return kind() == Kind::null; }
  bool is_bool() const { return kind() == Kind::boolean; }
  bool is_int() const { return kind() == Kind::integer; }
  bool is_number() const { return is_int() || kind() == Kind::real; }
  bool is_string() const { return kind() == Kind::string; }
  bool is_array() const { return kind() == Kind::array; }
  bool is_object() const { return kind() == Kind::object; }

  // The value as that type; another type is an error that names `what`.
  bool as_bool(std::string_view what = "json") const { return get<bool>("true or false", what); }
  std::int64_t as_int(std::string_view what = "json") const { return get<std::int64_t>("an integer of 64 bits", what); }
  double as_double(std::string_view what = "json") const {
    return is_int() ? static_cast<double>(std::get<std::int64_t>(value_)) : get<double>("a number", what);
  }
  const std::string& as_string(std::string_view what = "json") const { return get<std::string>("a string", what); }
  const Array& as_array(std::string_view what = "json") const { return get<Array>("an array", what); }
  const Object& items(std::string_view what = "json") const { return get<Object>("an object", what); }

  // Member `key` of an object, or null if there is none.
  const Json* find(std::string_view key, std::string_view what = "json") const {
    for (const Member& m : items(what))
      if (m.first == key) return &m.second;
    return nullptr;
  }
  const Json& at(std::string_view key, std::string_view what = "json") const {
    if (const Json* j = find(key, what)) return *j;
    fail_data({.field = what}, "no member \"", key, "\"");
  }
  // For building: the member, appended if it is new; null becomes an object.
  Json& operator[](std::string_view key) {
    if (is_null()) value_ = Object{};
    Object& members = const_cast<Object&>(items());
    for (Member& m : members)
      if (m.first == key) return m.second;
    return members.emplace_back(std::string(key), Json()).second;
  }
  void push_back(Json v) {
    if (is_null()) value_ = Array{};
    const_cast<Array&>(as_array()).push_back(std::move(v));
  }

  friend bool operator==(const Json& a, const Json& b) { return a.value_ == b.value_; }
  friend std::ostream& operator<<(std::ostream& out, const Json& j) { return out << j.dump(); }

 private:
  template <class T>
  const T& get(std::string_view wanted, std::string_view what) const {
    if (const T* v = std::get_if<T>(&value_)) return *v;
    constexpr const char* names[] = {"null",     "true or false", "an integer", "a number",
                                     "a string", "an array",      "an object"};
    fail_data({.field = what}, wanted, " is wanted, found ", names[value_.index()]);
  }
  void write(std::string& out) const;

  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

}  // namespace fovea::inline FOVEA_ABI

#if !defined(FOVEA_COMPILED)
#  include <fovea/core/json_inl.h>
#endif
