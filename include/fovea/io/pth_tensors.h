// From the objects of a PyTorch pickle to a TensorFile: names for the leaves, values for the tensors. Layer io; used by
// pth.h. A pickle of a few bytes can describe more than any memory holds (stride 0, containers that hold each other
// many times), so names and copies have an allowance that the file's size sets.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <fovea/io/pth_objects.h>
#include <fovea/io/tensor_file.h>
#include <fovea/io/zip.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {

// The bytes of a storage.
struct TorchBlob {
  std::span<const std::byte> bytes;
  std::shared_ptr<std::byte> owner;  // keeps them alive for tensors that share them; null: tensors must copy
  bool filled = false;
  bool taken = false;  // a tensor shares them already
};

// Copies a strided tensor into row-major order. The tensor lies inside `from` (check_inside).
inline void copy_strided(const TorchTensor& t, const std::byte* from, std::byte* to) {
  if (t.numel == 0) return;
  const std::size_t bytes = t.type->bytes, rank = t.sizes.size();
  const std::uint64_t inner = rank == 0 ? 1 : static_cast<std::uint64_t>(t.sizes[rank - 1]);
  const std::uint64_t step = rank == 0 ? 0 : static_cast<std::uint64_t>(t.strides[rank - 1]) * bytes;
  std::vector<std::int64_t> index(rank, 0);
  std::uint64_t at = t.offset * bytes;
  for (std::uint64_t row = 0; row < t.numel / inner; ++row) {
    if (step == bytes)
      std::memcpy(to, from + at, inner * bytes);
    else
      for (std::uint64_t i = 0; i < inner; ++i) std::memcpy(to + i * bytes, from + at + i * step, bytes);
    to += inner * bytes;
    for (std::size_t d = rank; d-- > 1;) {  // the next row: an odometer over all but the last dimension
      const std::uint64_t stride = static_cast<std::uint64_t>(t.strides[d - 1]) * bytes;
      at += stride;
      if (++index[d - 1] < t.sizes[d - 1]) break;
      at -= stride * static_cast<std::uint64_t>(t.sizes[d - 1]);
      index[d - 1] = 0;
    }
  }
}

inline bool is_contiguous(const TorchTensor& t) {
  std::int64_t expected = 1;
  for (std::size_t d = t.sizes.size(); d-- > 0;) {
    if (t.sizes[d] != 1 && t.strides[d] != expected) return false;
    expected *= t.sizes[d];
  }
  return true;
}

class TorchFileBuilder {
 public:
  TorchFileBuilder(TensorFile& file, const PickleValues& values, const TorchObjects& objects,
                   std::vector<TorchBlob>& blobs, std::size_t pickle_bytes, Allowance& allowance)
      : file_(file),
        values_(values),
        objects_(objects),
        blobs_(blobs),
        allowance_(allowance),
        on_path_(values.all.size(), false),
        visits_left_(1024 + 4 * pickle_bytes),
        text_left_(65536 + 64 * pickle_bytes) {}

  void build(PickleValue::Ref root) {
    visit(root, "", 0);
    check_unique();
  }

 private:
  using Kind = PickleValue::Kind;
  using Ref = PickleValue::Ref;
  static constexpr int kMaxDepth = 64;

  template <class... Parts>
  [[noreturn]] void error(const std::string& path, const Parts&... parts) const {
    fail_data({.file = file_.path, .field = path}, parts...);
  }

  void visit(Ref r, const std::string& path, int depth) {
    const PickleValue& v = values_[r];
    const std::size_t text = path.size() + v.text.size();
    if (visits_left_ == 0 || text > text_left_)
      error(path, "containers that hold others too many times for a file of this size");
    --visits_left_;
    text_left_ -= text;
    switch (v.kind) {
      case Kind::tensor:
        return add_tensor(static_cast<std::size_t>(v.integer), path);
      case Kind::tuple:
      case Kind::list:
      case Kind::dict:
        break;
      default:
        file_.other.emplace_back(path, leaf(v));
        return;
    }
    if (depth == kMaxDepth) error(path, "nested more than ", kMaxDepth, " levels deep");
    if (on_path_[r]) error(path, "a container that holds itself");
    on_path_[r] = true;
    children(v, path, depth);
    on_path_[r] = false;
  }

  void children(const PickleValue& v, const std::string& path, int depth) {
    const bool dict = v.is(Kind::dict);
    const std::size_t step = dict ? 2 : 1, count = v.items.size() / step;
    const char* kind = dict ? "dict" : v.is(Kind::list) ? "list" : "tuple";
    file_.other.emplace_back(path + "#", to_text(kind, "[", count, "]"));
    for (std::size_t i = 0; i < count; ++i) {
      const std::string key = dict ? key_text(values_[v.items[2 * i]]) : std::to_string(i);
      visit(v.items[step * i + step - 1], depth == 0 ? key : path + "/" + key, depth + 1);
    }
  }
  static std::string key_text(const PickleValue& key) {
    return key.is(Kind::string) ? key.text : std::to_string(key.integer);
  }

  static Json leaf(const PickleValue& v) {
    switch (v.kind) {
      case Kind::none:
        return nullptr;
      case Kind::boolean:
        return v.integer != 0;
      case Kind::integer:
        return v.integer;
      case Kind::real:
        return v.real;
      case Kind::storage:
        return "storage";
      default:
        return v.text;  // strings, decimal digits, names of globals
    }
  }

  void add_tensor(std::size_t index, const std::string& path) {
    const TorchTensor& t = objects_.tensors[index];
    if (t.type->dtype && t.sizes.size() <= Shape::kMaxRank) {
      file_.tensors.emplace_back(path, AnyTensor(*t.type->dtype, Shape(std::span(t.sizes)), storage(t, path)));
    } else {
      const auto s = storage(t, path);
      const AnyTensor raw(DType::u8, Shape{static_cast<std::int64_t>(s->bytes())}, s);
      file_.opaque.emplace_back(path, OpaqueTensor{std::string(t.type->name), t.sizes, raw});
    }
  }

  // The first contiguous and aligned tensor of a storage shares its bytes. All others are copies: a write to one tensor
  // must not change another, whose version would not know.
  std::shared_ptr<Storage> storage(const TorchTensor& t, const std::string& path) {
    TorchBlob& blob = blobs_[t.storage];
    if (!blob.filled) error(path, "storage ", objects_.storages[t.storage].key, " is not in the file");
    const std::size_t bytes = t.numel * t.type->bytes, at = t.numel == 0 ? 0 : t.offset * t.type->bytes;
    const bool aligned = reinterpret_cast<std::uintptr_t>(blob.bytes.data() + at) % t.type->bytes == 0;
    std::shared_ptr<Storage> s;
    if (blob.owner && !blob.taken && aligned && is_contiguous(t)) {
      blob.taken = true;
      s = std::make_shared<Storage>(std::shared_ptr<std::byte>(blob.owner, blob.owner.get() + at), bytes);
    } else {
      allowance_.spend(bytes, {.file = file_.path, .field = path});
      s = std::make_shared<Storage>(bytes);
      copy_strided(t, blob.bytes.data(), s->data());
    }
    s->set_label(path + " of " + file_.path);
    return s;
  }

  void check_unique() const {
    std::vector<std::string_view> names;
    for (const auto& [name, tensor] : file_.tensors) names.push_back(name);
    for (const auto& [name, tensor] : file_.opaque) names.push_back(name);
    std::ranges::sort(names);
    const auto twice = std::ranges::adjacent_find(names);
    if (twice != names.end()) error(std::string(*twice), "two tensors have this name");
  }

  TensorFile& file_;
  const PickleValues& values_;
  const TorchObjects& objects_;
  std::vector<TorchBlob>& blobs_;
  Allowance& allowance_;
  std::vector<bool> on_path_;
  std::size_t visits_left_, text_left_;  // bytes of paths and strings
};

}  // namespace detail

}  // namespace fovea::inline FOVEA_ABI
