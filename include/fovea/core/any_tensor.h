// AnyTensor: a tensor whose element type is known at run time only. Layer core. File readers, the gradient table and
// optimizer state use it; ops never do.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include <fovea/core/tensor.h>

namespace fovea::inline FOVEA_ABI {

// Calls f(T{}) with a value of the element type that `t` names. bool is handed out as uint8_t.
template <class F>
decltype(auto) with_dtype(DType t, F&& f) {
  switch (t) {
    case DType::f32:
      return f(float{});
    case DType::f64:
      return f(double{});
    case DType::bf16:
      return f(bf16{});
    case DType::f16:
      return f(half{});
    case DType::i8:
      return f(std::int8_t{});
    case DType::u8:
      return f(std::uint8_t{});
    case DType::i16:
      return f(std::int16_t{});
    case DType::i32:
      return f(std::int32_t{});
    case DType::i64:
      return f(std::int64_t{});
    case DType::boolean:
      break;
  }
  return f(std::uint8_t{});
}

constexpr bool is_floating_type(DType t) {
  return t == DType::f32 || t == DType::f64 || t == DType::bf16 || t == DType::f16;
}
// The same for the floating types alone, which is less code; others are an error.
template <class F>
decltype(auto) with_floating(DType t, F&& f) {
  switch (t) {
    case DType::f64:
      return f(double{});
    case DType::bf16:
      return f(bf16{});
    case DType::f16:
      return f(half{});
    default:
      break;
  }
  if (t != DType::f32) fail("tensor: ", t, " where a floating type is wanted");
  return f(float{});
}

class AnyTensor {
 public:
  AnyTensor() = default;
  template <Element T>
  AnyTensor(const Tensor<T>& t)  // implicit: a typed tensor is a tensor
      : dtype_(dtype_of<T>),
        shape_(t.shape()),
        storage_(t.shared_storage()),
        offset_(t.offset() * std::int64_t{sizeof(T)}),
        id_(t.id()) {}
  // Shares `storage` from byte `offset` on, which must be aligned for the type.
  AnyTensor(DType dtype, const Shape& shape, std::shared_ptr<Storage> storage, std::int64_t offset = 0)
      : dtype_(dtype), shape_(shape), storage_(std::move(storage)), offset_(offset), id_(next_value_id()) {
    if (!storage_) fail("tensor: ", dtype, " ", shape, " without a storage");
    const std::int64_t bytes = checked_mul(shape.numel(), static_cast<std::int64_t>(size_of(dtype)), "tensor");
    if (offset < 0 || static_cast<std::size_t>(checked_add(offset, bytes, "tensor")) > storage_->bytes())
      fail("tensor: ", dtype, " ", shape, " from byte ", offset, " does not fit a storage of ", storage_->bytes(),
           " bytes");
    const auto alignment = static_cast<std::int64_t>(size_of(dtype));
    if (offset % alignment != 0 || reinterpret_cast<std::uintptr_t>(data()) % size_of(dtype) != 0)
      fail("tensor: byte ", offset, " of the storage is not aligned for ", dtype);
  }

  // A tensor of zeros.
  static AnyTensor zeros(DType dtype, const Shape& shape) {
    const std::int64_t bytes = checked_mul(shape.numel(), static_cast<std::int64_t>(size_of(dtype)), "tensor");
    auto storage = std::make_shared<Storage>(static_cast<std::size_t>(bytes));
    std::memset(storage->data(), 0, storage->bytes());
    return {dtype, shape, std::move(storage)};
  }

  bool defined() const { return storage_ != nullptr; }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  std::int64_t numel() const { return shape_.numel(); }
  std::size_t bytes() const { return static_cast<std::size_t>(numel()) * size_of(dtype_); }
  const std::byte* data() const { return storage_ ? storage_->data() + offset_ : nullptr; }
  std::byte* mutable_data() {
    if (storage_) storage_->bump_version();
    return storage_ ? storage_->data() + offset_ : nullptr;
  }
  Storage& storage() const { return *storage_; }
  const std::shared_ptr<Storage>& shared_storage() const { return storage_; }
  ValueId id() const { return id_; }

  // The same value as Tensor<T>; another element type is an error.
  template <Element T>
  Tensor<T> as() const {
    const bool byte = dtype_ == DType::boolean && std::is_same_v<T, std::uint8_t>;
    if (!defined()) fail("tensor: an undefined one was asked for as ", dtype_of<T>);
    if (dtype_ != dtype_of<T> && !byte) fail("tensor", label_suffix(), " is ", dtype_, ", asked for as ", dtype_of<T>);
    Tensor<T> t(shape_, storage_, offset_ / std::int64_t{sizeof(T)});
    t.id_ = id_;
    return t;
  }
  // As Tensor<T>: shared if that is its type already, else converted.
  template <Element T>
  Tensor<T> to() const {
    if (dtype_ == dtype_of<T>) return as<T>();
    return with_dtype(dtype_, [&]<class U>(U) { return as<U>().template to<T>(); });
  }
  // To bool: nonzero becomes 1.
  AnyTensor to(DType dtype) const {
    if (dtype == DType::boolean && dtype_ != DType::boolean) return to_bool();
    if (dtype == dtype_) return *this;
    return with_dtype(dtype, [&]<class T>(T) { return AnyTensor(to<T>()); });
  }

 private:
  AnyTensor to_bool() const {
    AnyTensor out(DType::boolean, shape_, std::make_shared<Storage>(static_cast<std::size_t>(numel())));
    std::byte* to = out.mutable_data();
    with_dtype(dtype_, [&]<class T>(T) {
      const Tensor<T> values = as<T>();
      for (const T v : values.values()) *to++ = std::byte{static_cast<double>(v) != 0};
    });
    return out;
  }
  std::string label_suffix() const { return storage_ && !storage_->label().empty() ? " " + storage_->label() : ""; }

  DType dtype_ = DType::f32;
  Shape shape_{0};
  std::shared_ptr<Storage> storage_;
  std::int64_t offset_ = 0;  // bytes
  ValueId id_ = 0;
};

// A tensor and its name in a module: "layer1.0.conv1.weight".
struct NamedTensor {
  std::string name;
  AnyTensor tensor;
};

}  // namespace fovea::inline FOVEA_ABI
