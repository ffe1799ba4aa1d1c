// Layer norm over trailing dimensions, and vectors divided by their length. Layer ops; formulas and gradients in
// cpu/layer_norm/reference.h and cpu/l2_normalize/reference.h. Statistics in double (or blocks of floats added in
// double).
#pragma once

#include <vector>

#include <fovea/core/record.h>
#include <fovea/cpu/l2_normalize/args.h>
#include <fovea/cpu/layer_norm/args.h>
#include <fovea/ops/check.h>
#include <fovea/ops/softmax.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/l2_normalize/table.h>
#  include <fovea/cpu/layer_norm/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

namespace detail {
template <class T>
void check_layer_norm(const Tensor<T>& x, const Shape& normalized, const Tensor<master_t<T>>& weight,
                      const Tensor<master_t<T>>& bias, double eps) {
  check_defined("layer_norm", "input", x);
  const int rank = normalized.rank();
  bool fits = rank >= 1 && rank <= x.rank() && normalized.numel() > 0;
  for (int d = 1; fits && d <= rank; ++d) fits = normalized[-d] == x.size(-d);
  if (!fits)
    fail("layer_norm: normalized_shape ", normalized, ", input ", x.shape(),
         ": its last dimensions, one or more, none of size 0, are wanted");
  const auto check = [&](const char* what, const Tensor<master_t<T>>& v) {
    if (v.defined() && v.shape() != normalized)
      fail("layer_norm: ", what, " ", v.shape(), ", normalized_shape ", normalized, ": they must be equal");
  };
  check("weight", weight), check("bias", bias);
  if (!(eps >= 0)) fail("layer_norm: eps ", eps, ", a number >= 0 is wanted");
}

// What the gradient of a layer norm keeps and reads.
template <class T>
struct LayerNormBackward {
  using M = master_t<T>;
  Saved<T> x;
  Saved<M> weight;
  std::vector<double> mean, inverse;
  Shape normalized;
  ValueId x_id, weight_id, bias_id;

  void operator()(Gradients& g, const Tensor<T>& dy) const {
    const std::int64_t length = normalized.numel();
    const auto rows = static_cast<std::int64_t>(mean.size());
    if (g.wants(weight_id) || g.wants(bias_id)) {
      std::vector<double> dweight(static_cast<std::size_t>(length)), dbias(dweight.size());
      // The gradient of the bias alone keeps no x; dy stands in.
      const LayerNormSumArgs<T> args = {.rows = rows,
                                        .length = length,
                                        .x = x ? x.get().data() : dy.data(),
                                        .dy = dy.data(),
                                        .mean = mean.data(),
                                        .inverse = inverse.data(),
                                        .dweight = dweight.data(),
                                        .dbias = dbias.data()};
      choose(args, dy.device()).run(args);
      if (g.wants(weight_id)) g.add(weight_id, tensor_of(dweight));
      if (g.wants(bias_id)) g.add(bias_id, tensor_of(dbias));
    }
    if (!g.wants(x_id)) return;
    Tensor<T> dx(dy.shape(), uninitialized, dy.device());
    const LayerNormGradArgs<T> args = {.rows = rows,
                                       .length = length,
                                       .x = x.get().data(),
                                       .dy = dy.data(),
                                       .weight = weight ? weight.get().data() : nullptr,
                                       .mean = mean.data(),
                                       .inverse = inverse.data(),
                                       .dx = dx.mutable_data()};
    choose(args, dy.device()).run(args);
    g.add(x_id, dx);
  }

 private:
  Tensor<M> tensor_of(const std::vector<double>& v) const {
    Tensor<M> t(normalized, uninitialized);
    M* to = t.mutable_data();
    for (std::size_t c = 0; c < v.size(); ++c) to[c] = static_cast<M>(v[c]);
    return t;
  }
};
}  // namespace detail

// y = (x - mean) / sqrt(var + eps) * weight + bias, mean and biased variance over the last dimensions of x, which
// normalized_shape names (Ba, Kiros and Hinton 2016). {C} normalises each pixel of N H W C (ConvNeXt's LayerNorm2d).
// weight, bias: of that shape, or undefined for 1 and 0. Errors: shapes that do not fit; a negative eps. Gradients: x,
// weight, bias.
template <class T>
requires is_floating<T> Tensor<T> layer_norm(const Tensor<T>& x, const Shape& normalized_shape,
                                             const Tensor<master_t<T>>& weight = {},
                                             const Tensor<master_t<T>>& bias = {}, double eps = 1e-5) {
  detail::check_layer_norm(x, normalized_shape, weight, bias, eps);
  const std::int64_t length = normalized_shape.numel(), rows = x.numel() / length;
  std::vector<double> mean(static_cast<std::size_t>(rows)), inverse(mean.size());
  Tensor<T> y(x.shape(), uninitialized, x.device());
  const LayerNormArgs<T> args = {.rows = rows,
                                 .length = length,
                                 .eps = eps,
                                 .x = x.data(),
                                 .weight = weight.defined() ? weight.data() : nullptr,
                                 .bias = bias.defined() ? bias.data() : nullptr,
                                 .y = y.mutable_data(),
                                 .mean = mean.data(),
                                 .inverse = inverse.data()};
  choose(args, x.device()).run(args);
  return record(
      "layer_norm",
      [&] {
        return Attributes{
            {"normalized_shape", std::vector<std::int64_t>(normalized_shape.begin(), normalized_shape.end())},
            {"eps", eps}};
      },
      {x.id(), weight.id(), bias.id()}, y,
      detail::LayerNormBackward<T>{saved_if(wanted(x) || wanted(weight), x, "layer_norm: input"),
                                   saved_if(wanted(x), weight, "layer_norm: weight"), std::move(mean),
                                   std::move(inverse), normalized_shape, x.id(), weight.id(), bias.id()});
}

// x / max(|x|, eps) with the Euclidean length |x| along `axis` (negative: counted from the last), as
// torch.nn.functional.normalize. Errors: an axis that x lacks; an eps that is not positive.
template <class T>
requires is_floating<T> Tensor<T> l2_normalize(const Tensor<T>& x, int axis = -1, double eps = 1e-12) {
  detail::check_defined("l2_normalize", "input", x);
  const int d = detail::check_axis("l2_normalize", x.shape(), axis);
  if (!(eps > 0)) fail("l2_normalize: eps ", eps, ", a number > 0 is wanted");
  Tensor<T> y(x.shape(), uninitialized, x.device());
  L2NormalizeArgs<T> args = {.eps = eps, .x = x.data(), .y = y.mutable_data()};
  detail::set_line(args, x.shape(), d);
  choose(args, x.device()).run(args);
  return record(
      "l2_normalize",
      [&] {
        return Attributes{{"axis", std::int64_t{axis}}, {"eps", eps}};
      },
      {x.id()}, y,
      [id = x.id(), d, eps, kept = Saved<T>(x, "l2_normalize: input")](Gradients& g, const Tensor<T>& dy) {
        Tensor<T> dx(dy.shape(), uninitialized, dy.device());
        L2NormalizeGradArgs<T> grad = {.eps = eps, .x = kept.get().data(), .dy = dy.data(), .dx = dx.mutable_data()};
        detail::set_line(grad, dy.shape(), d);
        choose(grad, dy.device()).run(grad);
        g.add(id, dx);
      });
}

}  // namespace fovea::inline FOVEA_ABI
