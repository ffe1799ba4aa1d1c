// Group norm (Wu and He 2018); with as many groups as channels it is instance norm. Layer ops; read ops/norm.h first:
// a sample is a batch norm of its own whose statistics are joined from its channels', and runs on the same kernels.
//
//   y = (x - mean) / sqrt(var + eps) * weight + bias      mean and biased variance of each sample and group of channels
#pragma once

#include <vector>

#include <fovea/ops/norm.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {
// x as samples of pixels of channels, which lie in groups of `width`.
struct GroupNormSizes {
  std::int64_t samples, pixels, channels, groups, width;

  GroupNormSizes(const Shape& x, std::int64_t groups_)
      : samples(x[0]),
        pixels(x[0] == 0 || x[-1] == 0 ? 0 : x.numel() / x[0] / x[-1]),
        channels(x[-1]),
        groups(groups_),
        width(x[-1] / groups_) {}
  std::int64_t sample_size() const { return pixels * channels; }
  std::size_t statistics() const { return static_cast<std::size_t>(samples * groups); }
  double count() const { return static_cast<double>(pixels * width); }  // values of a group
  std::size_t group(std::int64_t n, std::int64_t c) const { return static_cast<std::size_t>(n * groups + c / width); }
};

template <class T>
void check_group_norm(const Tensor<T>& x, std::int64_t groups, const Tensor<master_t<T>>& weight,
                      const Tensor<master_t<T>>& bias, double eps) {
  check_defined("group_norm", "input", x);
  if (x.rank() < 2) fail("group_norm: input ", x.shape(), " has ", x.rank(), " dimensions, Nx...xC is wanted");
  if (groups < 1 || x.size(-1) < 1 || x.size(-1) % groups != 0)
    fail("group_norm: ", groups, " groups do not divide the ", x.size(-1), " channels of input ", x.shape());
  if (weight.defined()) check_channels("group_norm", x, "weight", weight);
  if (bias.defined()) check_channels("group_norm", x, "bias", bias);
  if (!(eps >= 0)) fail("group_norm: eps ", eps, ", a number >= 0 is wanted");
}

// Sums of each channel of one sample (cpu/channel_dot/args.h).
template <class T>
void sample_sums(const GroupNormSizes& s, Device device, const T* a, const master_t<T>* a_shift, const T* b,
                 const master_t<T>* b_shift, ChannelSums& sums) {
  const ChannelDotArgs<T> args = {.pixels = s.pixels,
                                  .channels = s.channels,
                                  .a = a,
                                  .b = b,
                                  .a_shift = a_shift,
                                  .b_shift = b_shift,
                                  .sum = sums.sum.data(),
                                  .dot = sums.dot.data()};
  choose(args, device).run(args);
}

struct GroupMoments {
  std::vector<double> mean, inverse;  // samples x groups
};

// Deviations are taken from the first pixel of each channel; the channels of a group are joined as Chan, Golub and
// LeVeque (1979) join samples: squares around the own mean, and that mean's distance from the group's.
template <class T>
GroupMoments group_moments(const Tensor<T>& x, const GroupNormSizes& s, double eps) {
  GroupMoments m{std::vector<double>(s.statistics()), std::vector<double>(s.statistics())};
  const auto channels = static_cast<std::size_t>(s.channels);
  const auto pixels = static_cast<double>(s.pixels);
  std::vector<master_t<T>> shift(channels);
  ChannelSums sums{std::vector<double>(channels), std::vector<double>(channels)};
  for (std::int64_t n = 0; n < s.samples && s.pixels > 0; ++n) {
    const T* sample = x.data() + n * s.sample_size();
    for (std::size_t c = 0; c < channels; ++c) shift[c] = static_cast<master_t<T>>(sample[c]);
    sample_sums(s, x.device(), sample, shift.data(), sample, shift.data(), sums);
    for (std::size_t c = 0; c < channels; ++c) {
      const double offset = sums.sum[c] / pixels;
      sums.dot[c] -= sums.sum[c] * offset;                   // squares around the channel's mean
      sums.sum[c] = static_cast<double>(shift[c]) + offset;  // and that mean
    }
    for (std::int64_t g = 0; g < s.groups; ++g) {
      const auto first = static_cast<std::size_t>(g * s.width), last = first + static_cast<std::size_t>(s.width);
      double mean = 0, squares = 0;
      for (std::size_t c = first; c < last; ++c) mean += sums.sum[c] / static_cast<double>(s.width);
      for (std::size_t c = first; c < last; ++c)
        squares += sums.dot[c] + pixels * (sums.sum[c] - mean) * (sums.sum[c] - mean);
      const auto at = static_cast<std::size_t>(n * s.groups + g);
      m.mean[at] = mean;
      m.inverse[at] = 1 / std::sqrt(std::max(0.0, squares / s.count()) + eps);
    }
  }
  return m;
}

// What the gradient of a group norm keeps and reads.
template <class T>
struct GroupNormBackward {
  using M = master_t<T>;
  Saved<T> x;
  Saved<M> weight;
  GroupMoments moments;
  std::int64_t groups;
  ValueId x_id, weight_id, bias_id;

  void operator()(Gradients& g, const Tensor<T>& dy) const {
    const GroupNormSizes s(dy.shape(), groups);
    const auto channels = static_cast<std::size_t>(s.channels);
    const std::vector<M> zero(channels, M(0));
    std::vector<M> centre(channels);
    ChannelSums sums{std::vector<double>(channels), std::vector<double>(channels)};
    std::vector<double> dweight(channels), dbias(channels);
    Tensor<T> dx;
    if (g.wants(x_id)) dx = Tensor<T>(dy.shape(), uninitialized, dy.device());
    for (std::int64_t n = 0; n < s.samples && s.pixels > 0; ++n) {
      const T* sample = dy.data() + n * s.sample_size();
      for (std::size_t c = 0; c < channels; ++c)
        centre[c] = static_cast<M>(moments.mean[s.group(n, static_cast<std::int64_t>(c))]);
      // The gradient of the bias alone keeps no x; dy stands in.
      const T* other = x ? x.get().data() + n * s.sample_size() : sample;
      sample_sums(s, dy.device(), sample, zero.data(), other, x ? centre.data() : zero.data(), sums);
      for (std::size_t c = 0; c < channels; ++c) {
        const std::size_t at = s.group(n, static_cast<std::int64_t>(c));
        // The sums are around the mean as M holds it.
        const double rest = static_cast<double>(centre[c]) - moments.mean[at];
        sums.dot[c] += rest * sums.sum[c];
        dweight[c] += sums.dot[c] * moments.inverse[at];
        dbias[c] += sums.sum[c];
      }
      if (dx) input_gradient(s, n, sample, sums, centre, dx);
    }
    if (g.wants(weight_id)) g.add(weight_id, vector_of(dweight));
    if (g.wants(bias_id)) g.add(bias_id, vector_of(dbias));
    if (dx) g.add(x_id, dx);
  }

 private:
  static Tensor<M> vector_of(const std::vector<double>& v) {
    Tensor<M> t({static_cast<std::int64_t>(v.size())}, uninitialized);
    M* to = t.mutable_data();
    for (std::size_t c = 0; c < v.size(); ++c) to[c] = static_cast<M>(v[c]);
    return t;
  }
  double weight_of(std::size_t c) const { return weight ? static_cast<double>(weight.get().data()[c]) : 1.0; }

  // Of sample n: dx = i (w dy - mean(w dy) - (x - mean) i^2 mean(w dy (x - mean))), i = 1 / sqrt(var + eps), means over
  // the group.
  void input_gradient(const GroupNormSizes& s, std::int64_t n, const T* dy, const ChannelSums& sums,
                      const std::vector<M>& centre, Tensor<T>& dx) const {
    std::vector<M> scale(centre.size()), slope(centre.size()), shift(centre.size());
    for (std::int64_t k = 0; k < s.groups; ++k) {
      const auto first = static_cast<std::size_t>(k * s.width), last = first + static_cast<std::size_t>(s.width);
      double sum = 0, dot = 0;
      for (std::size_t c = first; c < last; ++c) sum += weight_of(c) * sums.sum[c], dot += weight_of(c) * sums.dot[c];
      const std::size_t at = static_cast<std::size_t>(n * s.groups + k);
      const double inverse = moments.inverse[at];
      const double steep = -inverse * inverse * inverse * dot / s.count();
      for (std::size_t c = first; c < last; ++c) {
        scale[c] = static_cast<M>(weight_of(c) * inverse);
        slope[c] = static_cast<M>(steep);
        shift[c] =
            static_cast<M>(-inverse * sum / s.count() + steep * (static_cast<double>(centre[c]) - moments.mean[at]));
      }
    }
    const std::int64_t offset = n * s.sample_size();
    const NormGradArgs<T> args = {s.pixels,      s.channels,   dy,           x.get().data() + offset,   scale.data(),
                                  centre.data(), slope.data(), shift.data(), dx.mutable_data() + offset};
    choose(args, dx.device()).run(args);
  }
};
}  // namespace detail

// x: Nx...xC, C in num_groups equal groups of neighbours; weight, bias: C, or undefined for 1 and 0. Errors: groups
// that do not divide C; a vector whose length is not C; a negative eps. Gradients: x, weight, bias.
template <class T>
requires is_floating<T> Tensor<T> group_norm(const Tensor<T>& x, std::int64_t num_groups,
                                             const Tensor<master_t<T>>& weight = {},
                                             const Tensor<master_t<T>>& bias = {}, double eps = 1e-5) {
  detail::check_group_norm(x, num_groups, weight, bias, eps);
  const detail::GroupNormSizes s(x.shape(), num_groups);
  detail::GroupMoments moments = detail::group_moments(x, s, eps);
  Tensor<T> y(x.shape(), uninitialized, x.device());
  std::vector<master_t<T>> scale(static_cast<std::size_t>(s.channels)), shift(scale.size());
  for (std::int64_t n = 0; n < s.samples && s.pixels > 0; ++n) {
    for (std::size_t c = 0; c < scale.size(); ++c) {
      const std::size_t at = s.group(n, static_cast<std::int64_t>(c));
      const double factor = (weight.defined() ? static_cast<double>(weight.data()[c]) : 1.0) * moments.inverse[at];
      scale[c] = static_cast<master_t<T>>(factor);
      shift[c] = static_cast<master_t<T>>((bias.defined() ? static_cast<double>(bias.data()[c]) : 0.0) -
                                          moments.mean[at] * factor);
    }
    const std::int64_t offset = n * s.sample_size();
    const ScaleShiftArgs<T> args = {s.pixels,     s.channels,   x.data() + offset,
                                    scale.data(), shift.data(), y.mutable_data() + offset};
    choose(args, x.device()).run(args);
  }
  return record(
      "group_norm",
      [&] {
        return Attributes{{"num_groups", num_groups}, {"eps", eps}};
      },
      {x.id(), weight.id(), bias.id()}, y,
      detail::GroupNormBackward<T>{saved_if(wanted(x) || wanted(weight), x, "group_norm: input"),
                                   saved_if(wanted(x), weight, "group_norm: weight"), std::move(moments), num_groups,
                                   x.id(), weight.id(), bias.id()});
}

}  // namespace fovea::inline FOVEA_ABI
