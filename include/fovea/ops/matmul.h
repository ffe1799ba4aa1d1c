// Matrix products as torch.matmul and numpy.matmul define them. Layer ops.
#pragma once

#include <vector>

#include <fovea/core/record.h>
#include <fovea/cpu/matmul/args.h>
#include <fovea/ops/broadcast.h>
#include <fovea/ops/check.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/matmul/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

struct MatmulOptions {
  bool transpose_a = false, transpose_b = false;  // of the last two dimensions
};

namespace detail {
// The leading dimensions: all but the last two.
inline Shape batch_shape(const Shape& s) { return Shape(s.sizes().first(static_cast<std::size_t>(s.rank() - 2))); }

// Where the matrix of each batch index begins, in elements, for an operand of shape `s` repeated to `batch`.
inline std::vector<std::int64_t> batch_offsets(const Shape& s, const Shape& batch) {
  const auto stride = broadcast_strides(batch_shape(s), batch);
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(batch.numel()));
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    auto rest = static_cast<std::int64_t>(i);
    for (int d = batch.rank() - 1; d >= 0; --d) {
      offsets[i] += rest % batch[d] * stride[static_cast<std::size_t>(d)] * s[-1] * s[-2];
      rest /= batch[d];
    }
  }
  return offsets;
}

// Both operands of rank >= 2: ...xMxK by ...xKxN -> ...xMxN.
template <class T>
Tensor<T> matmul_batched(const Tensor<T>& a, const Tensor<T>& b, const MatmulOptions& o) {
  const std::int64_t m = a.size(o.transpose_a ? -1 : -2), k = a.size(o.transpose_a ? -2 : -1);
  const std::int64_t n = b.size(o.transpose_b ? -2 : -1), inner = b.size(o.transpose_b ? -1 : -2);
  if (k != inner)
    fail("matmul: ", a.shape(), o.transpose_a ? " transposed" : "", " has ", k, " columns, ", b.shape(),
         o.transpose_b ? " transposed" : "", " wants ", inner);
  const Shape batch = broadcast_shapes("matmul", batch_shape(a.shape()), batch_shape(b.shape()));
  const std::vector<std::int64_t> offset_a = batch_offsets(a.shape(), batch),
                                  offset_b = batch_offsets(b.shape(), batch);
  std::vector<std::int64_t> size(batch.begin(), batch.end());
  size.push_back(m), size.push_back(n);
  Tensor<T> y(Shape(std::span<const std::int64_t>(size)), uninitialized, a.device());
  MatmulArgs<T> args = {.batch = batch.numel(),
                        .m = m,
                        .n = n,
                        .k = k,
                        .offset_a = offset_a.data(),
                        .offset_b = offset_b.data(),
                        .row_a = a.size(-1),
                        .column_a = 1,
                        .row_b = b.size(-1),
                        .column_b = 1,
                        .a = a.data(),
                        .b = b.data(),
                        .y = y.mutable_data()};
  if (o.transpose_a) std::swap(args.row_a, args.column_a);
  if (o.transpose_b) std::swap(args.row_b, args.column_b);
  choose(args, a.device()).run(args);
  return y;
}

// A vector as the matrix that it stands for.
inline Shape matrix_shape(const Shape& s, bool column) {
  if (s.rank() > 1) return s;
  return column ? Shape{s[0], 1} : Shape{1, s[0]};
}
template <class T>
Tensor<T> as_matrix(const Tensor<T>& x, bool column) {
  return with_shape(x, matrix_shape(x.shape(), column));
}
}  // namespace detail

// y = a b over the last two dimensions; leading dimensions broadcast. A vector a is a row, a vector b a column, and
// that dimension of 1 is dropped from y: KxN, MxK and K by K give N, M and a scalar. transpose_a and transpose_b
// exchange the last two dimensions of their operand (no effect on a vector). Sums are computed in double and rounded
// once to T. Keeps each operand for the gradient of the other. Errors: an operand without dimensions; inner sizes that
// differ; leading sizes that do not broadcast.
template <class T>
requires is_floating<T> Tensor<T> matmul(const Tensor<T>& a, const Tensor<T>& b, const MatmulOptions& options = {}) {
  detail::check_defined("matmul", "the first operand", a);
  detail::check_defined("matmul", "the second operand", b);
  if (a.rank() < 1 || b.rank() < 1)
    fail("matmul: ", a.shape(), " by ", b.shape(), ": operands of rank 1 or more are wanted");
  const bool row = a.rank() == 1, column = b.rank() == 1;
  const bool ta = options.transpose_a && !row, tb = options.transpose_b && !column;
  const Tensor<T> y = detail::matmul_batched(detail::as_matrix(a, false), detail::as_matrix(b, true), {ta, tb});

  std::vector<std::int64_t> size(y.shape().begin(), y.shape().end());
  if (column) size.pop_back();
  if (row) size.erase(size.end() - (column ? 1 : 2));
  const auto attributes = [&] {
    return Attributes{{"transpose_a", std::int64_t{ta}}, {"transpose_b", std::int64_t{tb}}};
  };
  // With A = a or its transpose, B likewise: dA = dY B', dB = A' dY, transposed once more where a or b are.
  return record(
      "matmul", attributes, {a.id(), b.id()}, detail::with_shape(y, Shape(std::span<const std::int64_t>(size))),
      [ai = a.id(), bi = b.id(), a_shape = a.shape(), b_shape = b.shape(), y_shape = y.shape(), ta, tb,
       a_kept = saved_if(wanted(b), a, "matmul: first operand"),
       b_kept = saved_if(wanted(a), b, "matmul: second operand")](Gradients& g, const Tensor<T>& gradient) {
        const Tensor<T> dy = detail::with_shape(gradient, y_shape);
        const auto add_to = [&](ValueId id, const Tensor<T>& term, const Shape& shape, bool is_column) {
          g.add(id, detail::with_shape(detail::sum_to(term, detail::matrix_shape(shape, is_column)), shape));
        };
        if (g.wants(ai)) {
          const Tensor<T> m = detail::as_matrix(b_kept.get(), true);
          add_to(ai, ta ? detail::matmul_batched(m, dy, {tb, true}) : detail::matmul_batched(dy, m, {false, !tb}),
                 a_shape, false);
        }
        if (g.wants(bi)) {
          const Tensor<T> m = detail::as_matrix(a_kept.get(), false);
          add_to(bi, tb ? detail::matmul_batched(dy, m, {true, ta}) : detail::matmul_batched(m, dy, {!ta, false}),
                 b_shape, true);
        }
      });
}

}  // namespace fovea::inline FOVEA_ABI
