// Tensor<T>: a contiguous row-major array with a run-time shape and shared storage. Layer core; start reading here.
//
//   Tensor<float> x({1, 224, 224, 3});              // zeros; images and feature maps are NHWC
//   Tensor<float> y = x;                            // shares the elements and the value id
//   Tensor<float> row = x.view(0, 1).reshape({224, 224, 3});
//   x.mutable_data()[0] = 1;                        // seen through y and row; moves the storage's version on
//
// Const reaches the handle and the elements: data() reads, mutable_data() announces a write.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <ostream>
#include <span>
#include <utility>

#include <fovea/core/dtype.h>
#include <fovea/core/shape.h>
#include <fovea/core/storage.h>

namespace fovea::inline FOVEA_ABI {

class AnyTensor;

// Names one value of a computation; copies of a tensor share it, views and clones have their own. 0 = no value.
using ValueId = std::uint64_t;
inline ValueId next_value_id() {
  static std::atomic<ValueId> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

struct Uninitialized {};
inline constexpr Uninitialized uninitialized{};

namespace detail {
// One view, reshape or clone: elements [first, first + shape's count) of value x, as value y.
struct ViewRecord {
  const char* op;
  DType dtype;
  const Shape& x_shape;
  ValueId x;
  std::int64_t first;
  const Shape& y_shape;
  ValueId y;
  std::span<const std::int64_t> asked;  // the op's own numbers: sizes of a reshape with its -1, [begin, end) of a view
};
// Told of every view on this thread once a tape or a trace has lived there (core/record.h sets it).
inline thread_local void (*on_view)(const ViewRecord&) = nullptr;
}  // namespace detail

template <Element T>
class Tensor {
 public:
  using value_type = T;

  // No value: defined() is false, and only assignment makes sense.
  Tensor() = default;
  // Zeros, or `value`.
  explicit Tensor(const Shape& shape, T value = T(0)) : Tensor(shape, uninitialized) {
    std::fill_n(raw(), numel(), value);
  }
  Tensor(const Shape& shape, Uninitialized, Device device = Device::cpu)
      : shape_(shape), storage_(std::make_shared<Storage>(byte_count(shape), device)), id_(next_value_id()) {}
  // A copy of `values`, whose count must be the shape's.
  Tensor(const Shape& shape, std::span<const T> values) : Tensor(shape, uninitialized) {
    if (static_cast<std::int64_t>(values.size()) != numel())
      fail("tensor: ", values.size(), " values for shape ", shape, ", which wants ", numel());
    std::copy(values.begin(), values.end(), raw());
  }
  Tensor(const Shape& shape, std::initializer_list<T> values)
      : Tensor(shape, std::span<const T>(values.begin(), values.size())) {}
  // `numel` elements of `storage` from element `offset` on, shared.
  Tensor(const Shape& shape, std::shared_ptr<Storage> storage, std::int64_t offset = 0)
      : shape_(shape), storage_(std::move(storage)), offset_(offset), id_(next_value_id()) {
    if (!storage_) fail("tensor: shape ", shape, " of an undefined tensor");
    const std::int64_t end = checked_mul(checked_add(offset, numel(), "tensor"), sizeof(T), "tensor");
    if (offset < 0 || static_cast<std::size_t>(end) > storage_->bytes())
      fail("tensor: shape ", shape, " from element ", offset, " does not fit a storage of ", storage_->bytes(), " bytes");
    if (reinterpret_cast<std::uintptr_t>(raw()) % alignof(T) != 0)
      fail("tensor: element ", offset, " of the storage is not aligned for ", dtype_of<T>);
  }

  bool defined() const { return storage_ != nullptr; }
  explicit operator bool() const { return defined(); }
  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  std::int64_t size(int i) const { return shape_[i]; }
  std::int64_t numel() const { return shape_.numel(); }
  ValueId id() const { return id_; }
  Device device() const { return storage_ ? storage_->device() : Device::cpu; }
  Storage& storage() const { return *storage_; }
  const std::shared_ptr<Storage>& shared_storage() const { return storage_; }
  std::int64_t offset() const { return offset_; }

  const T* data() const { return raw(); }
  T* mutable_data() {
    if (storage_) storage_->bump_version();
    return raw();
  }
  std::span<const T> values() const { return {raw(), static_cast<std::size_t>(numel())}; }
  std::span<T> mutable_values() { return {mutable_data(), static_cast<std::size_t>(numel())}; }

  // Element by index, checked: x.at(n, h, w, c). The number of indices is the rank.
  template <class... I>
  const T& at(I... i) const {
    const std::int64_t index[] = {static_cast<std::int64_t>(i)..., 0};
    if (static_cast<int>(sizeof...(i)) != rank()) fail("at: ", sizeof...(i), " indices into shape ", shape_);
    std::int64_t flat = 0;
    for (int d = 0; d < rank(); ++d) {
      if (index[d] < 0 || index[d] >= size(d)) fail("at: index ", index[d], " in dimension ", d, " of shape ", shape_);
      flat = flat * size(d) + index[d];
    }
    return raw()[flat];
  }

  // The one element of a tensor of one element.
  T item() const {
    if (numel() != 1) fail("item: shape ", shape_, " has ", numel(), " elements, one is wanted");
    return raw()[0];
  }

  // Views and clones are recorded as ops are, so gradients pass through them; detach() cuts.

  // The same elements under another shape of the same count; one size may be -1 and is inferred.
  Tensor reshape(std::initializer_list<std::int64_t> sizes) const;
  Tensor reshape(const Shape& shape) const { return reshaped(shape, shape.sizes()); }

  // Elements [begin, end) of the leading dimension, shared.
  Tensor view(std::int64_t begin, std::int64_t end) const {
    if (rank() == 0 || begin < 0 || end < begin || end > size(0))
      fail("view: [", begin, ", ", end, ") of the leading dimension of shape ", shape_);
    const std::int64_t stride = size(0) == 0 ? 0 : numel() / size(0), asked[] = {begin, end};
    return recorded("view", Tensor(shape_.with(0, end - begin), storage_, offset_ + begin * stride), asked);
  }

  // A copy with storage and id of its own; of nothing, nothing.
  Tensor clone() const {
    if (!defined()) return {};
    Tensor t(shape_, uninitialized);
    std::copy_n(raw(), numel(), t.raw());
    t.storage_->set_label(storage_->label());
    return recorded("clone", std::move(t), {});
  }

  // The same elements as a value of its own, which depends on nothing: no gradient passes.
  Tensor detach() const { return defined() ? Tensor(shape_, storage_, offset_) : Tensor(); }

  // Each element converted with static_cast (floating to integer truncates; out of range is the caller's mistake). For
  // data; no gradient passes. Inside a net, cast (ops/cast.h) is the op.
  template <Element U>
  Tensor<U> to() const {
    if (!defined()) return {};
    Tensor<U> t(shape_, uninitialized);
    U* out = t.mutable_data();
    for (std::int64_t i = 0; i < numel(); ++i) {
      if constexpr (std::is_integral_v<U> && is_floating<T>) out[i] = static_cast<U>(static_cast<double>(raw()[i]));
      else out[i] = static_cast<U>(raw()[i]);
    }
    return t;
  }

 private:
  static std::size_t byte_count(const Shape& s) {
    return static_cast<std::size_t>(checked_mul(s.numel(), static_cast<std::int64_t>(sizeof(T)), "tensor"));
  }
  T* raw() const { return storage_ ? reinterpret_cast<T*>(storage_->data()) + offset_ : nullptr; }
  Tensor reshaped(const Shape& shape, std::span<const std::int64_t> asked) const {
    if (shape.numel() != numel()) fail("reshape: ", shape_, " has ", numel(), " elements, ", shape, " wants ", shape.numel());
    return recorded("reshape", Tensor(shape, storage_, offset_), asked);
  }
  Tensor recorded(const char* op, Tensor y, std::span<const std::int64_t> asked) const {
    if (detail::on_view) {
      const std::int64_t first = y.storage_ == storage_ ? y.offset_ - offset_ : 0;
      detail::on_view({op, dtype_of<T>, shape_, id_, first, y.shape_, y.id_, asked});
    }
    return y;
  }
  friend class AnyTensor;

  Shape shape_{0};
  std::shared_ptr<Storage> storage_;
  std::int64_t offset_ = 0;  // elements from the storage's start
  ValueId id_ = 0;
};

template <Element T>
Tensor<T> Tensor<T>::reshape(std::initializer_list<std::int64_t> sizes) const {
  std::int64_t known = 1, inferred = -1, i = 0;
  std::array<std::int64_t, Shape::kMaxRank> s{};
  if (sizes.size() > Shape::kMaxRank) fail("reshape: ", sizes.size(), " dimensions, at most ", Shape::kMaxRank);
  for (const std::int64_t v : sizes) {
    if (v == -1 && inferred >= 0) fail("reshape: only one size may be -1");
    if (v == -1) inferred = i;
    else known = checked_mul(known, v, "reshape");
    s[static_cast<std::size_t>(i++)] = v;
  }
  if (inferred >= 0) {
    if (known <= 0 || numel() % known != 0) fail("reshape: ", shape_, " does not divide into ", known, " parts");
    s[static_cast<std::size_t>(inferred)] = numel() / known;
  }
  return reshaped(Shape(std::span<const std::int64_t>(s.data(), sizes.size())), {sizes.begin(), sizes.size()});
}

}  // namespace fovea::inline FOVEA_ABI

#include <fovea/core/print.h>
