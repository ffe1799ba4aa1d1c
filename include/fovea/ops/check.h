// Checks that several ops share. Layer ops. Messages name the op, the shape and what is wanted.
#pragma once

#include <fovea/core/tensor.h>

namespace fovea::inline FOVEA_ABI::detail {

// An input that exists.
template <class T>
void check_defined(const char* op, const char* what, const Tensor<T>& x) {
  if (!x.defined()) fail(op, ": ", what, " is undefined; a tensor is wanted");
}

// Feature maps N H W C.
template <class T>
void check_maps(const char* op, const Tensor<T>& x) {
  check_defined(op, "input", x);
  if (x.rank() != 4) fail(op, ": input ", x.shape(), " has ", x.rank(), " dimensions, NxHxWxC is wanted");
}

// A vector with one element a channel of x; `what` names it ("running_mean").
template <class T, class M>
void check_channels(const char* op, const Tensor<T>& x, const char* what, const Tensor<M>& v) {
  check_defined(op, what, v);
  if (x.rank() < 1) fail(op, ": input ", x.shape(), " has no channels, ...xC is wanted");
  if (v.rank() != 1) fail(op, ": ", what, " ", v.shape(), " has ", v.rank(), " dimensions, C is wanted");
  if (v.size(0) != x.size(-1))
    fail(op, ": input ", x.shape(), " has ", x.size(-1), " channels, ", what, " ", v.shape(), " wants ", v.numel());
}

// The dimension that `axis` means, counted from the last if negative.
inline int check_axis(const char* op, const Shape& shape, int axis) {
  const int k = axis < 0 ? axis + shape.rank() : axis;
  if (k < 0 || k >= shape.rank())
    fail(op, ": axis ", axis, " of input ", shape, ", which has ", shape.rank(), " dimensions");
  return k;
}

}  // namespace fovea::inline FOVEA_ABI::detail
