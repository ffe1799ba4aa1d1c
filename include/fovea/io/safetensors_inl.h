// The reader and the writer behind io/safetensors.h. Layer io; read safetensors.h first.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fovea/core/json.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/safetensors.h>

namespace fovea::inline FOVEA_ABI {

static_assert(std::endian::native == std::endian::little, "weight files are little endian and read without swapping");

namespace detail {

struct SafetensorsType {
  std::string_view name;
  int bits;
  std::optional<DType> dtype;  // none: we have no such element type, the tensor stays opaque
};
inline constexpr SafetensorsType kSafetensorsTypes[] = {{"F32", 32, DType::f32},   {"F64", 64, DType::f64},
                                                        {"BF16", 16, DType::bf16}, {"F16", 16, DType::f16},
                                                        {"I8", 8, DType::i8},      {"U8", 8, DType::u8},
                                                        {"I16", 16, DType::i16},   {"I32", 32, DType::i32},
                                                        {"I64", 64, DType::i64},   {"BOOL", 8, DType::boolean},
                                                        {"U16", 16, {}},           {"U32", 32, {}},
                                                        {"U64", 64, {}},           {"C64", 64, {}},
                                                        {"F8_E5M2", 8, {}},        {"F8_E4M3", 8, {}},
                                                        {"F8_E8M0", 8, {}},        {"F6_E2M3", 6, {}},
                                                        {"F6_E3M2", 6, {}},        {"F4", 4, {}}};

// One entry of the header, checked on its own.
struct SafetensorsEntry {
  std::string_view name;
  const SafetensorsType* type;
  std::vector<std::int64_t> shape;
  std::uint64_t begin, end;  // in the data section
};

class SafetensorsReader {
 public:
  explicit SafetensorsReader(ByteSource source) : source_(std::move(source)) {}

  TensorFile read() {
    const std::string_view text = header();
    const Json json = Json::parse(text, {.file = source_.name, .field = "header", .offset = 8});
    data_begin_ = 8 + text.size();
    TensorFile file;
    file.path = source_.name;
    file.mapping = source_.mapping;
    std::vector<SafetensorsEntry> entries;
    for (const auto& [name, value] : json.items("header")) {
      if (name == "__metadata__")
        file.metadata = metadata(value);
      else
        entries.push_back(entry(name, value));
    }
    check_layout(entries);
    for (const SafetensorsEntry& e : entries) add(file, e);
    file.check();
    return file;
  }

 private:
  static constexpr std::uint64_t kMaxHeader = 100'000'000;  // the reference library's limit

  template <class... Parts>
  [[noreturn]] void error(std::string_view field, const Parts&... parts) const {
    fail_data({.file = source_.name, .field = field}, parts...);
  }

  std::string_view header() const {
    const auto size = source_.bytes.size();
    if (size < 8)
      fail_data({.file = source_.name, .field = "header length", .offset = 0}, "8 bytes are wanted, the file has ",
                size);
    std::uint64_t n = 0;
    std::memcpy(&n, source_.bytes.data(), 8);
    if (n > kMaxHeader || n > size - 8)
      fail_data({.file = source_.name, .field = "header length", .offset = 0}, n, " bytes are announced, ", size - 8,
                " follow and ", kMaxHeader, " are allowed");
    const std::string_view text(reinterpret_cast<const char*>(source_.bytes.data()) + 8, static_cast<std::size_t>(n));
    if (text.empty() || text[0] != '{')
      fail_data({.file = source_.name, .field = "header", .offset = 8},
                "a JSON object must start with '{' here; is this a safetensors file?");
    return text;
  }

  Metadata metadata(const Json& json) const {
    if (!json.is_object()) error("__metadata__", "an object of strings is wanted");
    Metadata out;
    for (const auto& [key, value] : json.items()) {
      if (!value.is_string()) error("__metadata__", "the value of \"", key, "\" is no string");
      out.emplace_back(key, value.as_string());
    }
    return out;
  }

  SafetensorsEntry entry(const std::string& name, const Json& json) const {
    if (!json.is_object()) error(name, "an object with dtype, shape and data_offsets is wanted");
    const Json *dtype = nullptr, *shape = nullptr, *offsets = nullptr;
    for (const auto& [key, value] : json.items()) {
      if (key == "dtype")
        dtype = &value;
      else if (key == "shape")
        shape = &value;
      else if (key == "data_offsets")
        offsets = &value;
      else
        error(name, "unknown field \"", key, "\"");
    }
    if (!dtype || !shape || !offsets) error(name, "dtype, shape and data_offsets are wanted");
    SafetensorsEntry e{name, type(name, *dtype), sizes(name, "shape", *shape), 0, 0};
    const std::vector<std::int64_t> range = sizes(name, "data_offsets", *offsets);
    if (range.size() != 2 || range[0] > range[1]) error(name, "data_offsets must be [begin, end] with begin <= end");
    e.begin = static_cast<std::uint64_t>(range[0]);
    e.end = static_cast<std::uint64_t>(range[1]);
    const std::uint64_t bits = total_bits(e);
    if (bits % 8 != 0) error(name, bits, " bits of ", e.type->name, " are not whole bytes");
    if (bits / 8 != e.end - e.begin)
      error(name, "dtype and shape make ", bits / 8, " bytes, data_offsets ", e.end - e.begin);
    return e;
  }

  const SafetensorsType* type(const std::string& name, const Json& json) const {
    if (!json.is_string()) error(name, "dtype must be a string");
    for (const SafetensorsType& t : kSafetensorsTypes)
      if (t.name == json.as_string()) return &t;
    error(name, "unknown dtype \"", json.as_string(), "\"");
  }

  std::vector<std::int64_t> sizes(const std::string& name, const char* field, const Json& json) const {
    if (!json.is_array()) error(name, field, " must be an array");
    std::vector<std::int64_t> out;
    for (const Json& j : json.as_array()) {
      if (!j.is_int() || j.as_int() < 0)
        error(name, field, " holds ", j.dump().substr(0, 40), ", integers >= 0 are wanted");
      out.push_back(j.as_int());
    }
    return out;
  }

  // Product of the sizes and the bits of an element. A zero must not hide an overflow beside it.
  std::uint64_t total_bits(const SafetensorsEntry& e) const {
    std::uint64_t bits = static_cast<std::uint64_t>(e.type->bits);
    bool empty = false;
    for (const std::int64_t s : e.shape) {
      if (s == 0)
        empty = true;
      else if (__builtin_mul_overflow(bits, static_cast<std::uint64_t>(s), &bits))
        error(std::string(e.name), "the shape overflows 64 bits");
    }
    return empty ? 0 : bits;
  }

  // Sorted by place, the ranges must cover the data section without hole or overlap.
  void check_layout(std::vector<SafetensorsEntry>& entries) const {
    std::ranges::stable_sort(entries, {}, [](const SafetensorsEntry& e) { return std::pair(e.begin, e.end); });
    std::uint64_t at = 0;
    for (const SafetensorsEntry& e : entries) {
      if (e.begin != at) error(e.name, "data_offsets begin at ", e.begin, ", the tensor before ends at ", at);
      at = e.end;
    }
    const std::uint64_t data = source_.bytes.size() - data_begin_;
    if (at != data)
      fail_data({.file = source_.name, .field = "data_offsets", .offset = data_begin_ + std::min(at, data)},
                "the tensors cover ", at, " bytes, the file has ", data, " after its header");
  }

  void add(TensorFile& file, const SafetensorsEntry& e) const {
    const std::string name(e.name);
    const std::size_t offset = data_begin_ + static_cast<std::size_t>(e.begin);
    const std::size_t bytes = static_cast<std::size_t>(e.end - e.begin);
    const bool ours = e.type->dtype && e.shape.size() <= Shape::kMaxRank;
    auto storage = source_.storage(offset, bytes, ours ? size_of(*e.type->dtype) : 1, name);
    if (ours) {
      file.tensors.emplace_back(name, AnyTensor(*e.type->dtype, Shape(std::span(e.shape)), std::move(storage)));
    } else {
      const AnyTensor raw(DType::u8, Shape{static_cast<std::int64_t>(bytes)}, std::move(storage));
      file.opaque.emplace_back(name, OpaqueTensor{std::string(e.type->name), e.shape, raw});
    }
  }

  ByteSource source_;
  std::size_t data_begin_ = 0;
};

FOVEA_INLINE TensorFile read_safetensors(ByteSource source) { return SafetensorsReader(std::move(source)).read(); }

FOVEA_INLINE std::string_view safetensors_name(DType dtype) {
  for (const SafetensorsType& t : kSafetensorsTypes)
    if (t.dtype == dtype) return t.name;
  return {};
}

// The format allows no holes, so alignment comes from the order: first the tensors of whole 64-byte multiples (each
// starts at a multiple of 64), then the others by falling element size (each is aligned for its type).
inline std::vector<std::size_t> safetensors_order(const NamedTensors& tensors) {
  std::vector<std::size_t> order(tensors.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t i) {
    const AnyTensor& t = tensors[i].second;
    return t.bytes() % kAlignment == 0 ? kAlignment : size_of(t.dtype());
  });
  return order;
}

// Length and header, padded with spaces so that the data section starts at a multiple of 64 bytes.
inline std::string safetensors_header(const NamedTensors& tensors, const std::vector<std::size_t>& order,
                                      const Metadata& metadata) {
  Json header = Json::Object{};
  if (!metadata.empty()) {
    Json::Object strings;
    for (const auto& [key, value] : metadata) strings.emplace_back(key, value);
    header["__metadata__"] = std::move(strings);
  }
  Json::Object entries = header.items();
  std::int64_t at = 0;
  for (const std::size_t i : order) {
    const auto& [name, tensor] = tensors[i];
    const std::int64_t end = checked_add(at, static_cast<std::int64_t>(tensor.bytes()), "save_safetensors");
    Json::Array shape;
    for (const std::int64_t s : tensor.shape()) shape.emplace_back(s);
    entries.emplace_back(name, Json::Object{{"dtype", safetensors_name(tensor.dtype())},
                                            {"shape", std::move(shape)},
                                            {"data_offsets", Json::Array{at, end}}});
    at = end;
  }
  std::string text = Json(std::move(entries)).dump();
  text.append((kAlignment - (8 + text.size()) % kAlignment) % kAlignment, ' ');
  const std::uint64_t length = text.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  return out + text;
}

inline void check_names(const NamedTensors& tensors, const Metadata& metadata) {
  const auto unique = [](auto names, const char* what) {
    std::ranges::sort(names);
    const auto twice = std::ranges::adjacent_find(names);
    if (twice != names.end()) fail("save_safetensors: two ", what, " are called \"", *twice, "\"");
  };
  std::vector<std::string_view> names, keys;
  for (const auto& [name, tensor] : tensors) {
    if (name == "__metadata__") fail("save_safetensors: a tensor cannot be called \"__metadata__\"");
    if (!tensor.defined()) fail("save_safetensors: tensor \"", name, "\" has no value");
    names.push_back(name);
  }
  for (const auto& [key, value] : metadata) keys.push_back(key);
  unique(std::move(names), "tensors");
  unique(std::move(keys), "metadata entries");
}

}  // namespace detail

FOVEA_INLINE void save_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                                   const Metadata& metadata) {
  detail::check_names(tensors, metadata);
  const std::vector<std::size_t> order = detail::safetensors_order(tensors);
  AtomicFile out(path);
  const std::string header = detail::safetensors_header(tensors, order, metadata);
  out.write(std::as_bytes(std::span(header)));
  for (const std::size_t i : order) out.write({tensors[i].second.data(), tensors[i].second.bytes()});
  out.commit();
}

}  // namespace fovea::inline FOVEA_ABI
