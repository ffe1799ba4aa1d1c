// MobileNetV3, small and large (Howard et al. 2019, arXiv:1905.02244), with torchvision's names; its batch norms have
// eps 1e-3. Layer models; read models/mbconv.h first.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include <fovea/models/mbconv.h>
#include <fovea/nn/linear.h>
#include <fovea/ops/dropout.h>
#include <fovea/ops/pool.h>

namespace fovea::inline FOVEA_ABI {

enum class MobileNetV3Size { small, large };

struct MobileNetV3Options {
  MobileNetV3Size size = MobileNetV3Size::small;
  std::int64_t num_classes = 1000;
  PaddingRule padding = PaddingRule::symmetric;
  double eps = 1e-3;
  double dropout = 0.2;  // before the last layer, while training
};

namespace detail {
// A row of tables 1 and 2 of the paper.
struct MobileNetV3Row {
  std::int64_t kernel_size, expanded, out;
  bool squeeze;
  Activation activation;
  std::int64_t stride;
};
inline std::span<const MobileNetV3Row> mobilenet_v3_rows(MobileNetV3Size size) {
  constexpr Activation RE = Activation::relu, HS = Activation::hardswish;
  static constexpr MobileNetV3Row small[] = {
      {3, 16, 16, true, RE, 2},  {3, 72, 24, false, RE, 2}, {3, 88, 24, false, RE, 1}, {5, 96, 40, true, HS, 2},
      {5, 240, 40, true, HS, 1}, {5, 240, 40, true, HS, 1}, {5, 120, 48, true, HS, 1}, {5, 144, 48, true, HS, 1},
      {5, 288, 96, true, HS, 2}, {5, 576, 96, true, HS, 1}, {5, 576, 96, true, HS, 1}};
  static constexpr MobileNetV3Row large[] = {
      {3, 16, 16, false, RE, 1},  {3, 64, 24, false, RE, 2},  {3, 72, 24, false, RE, 1},  {5, 72, 40, true, RE, 2},
      {5, 120, 40, true, RE, 1},  {5, 120, 40, true, RE, 1},  {3, 240, 80, false, HS, 2}, {3, 200, 80, false, HS, 1},
      {3, 184, 80, false, HS, 1}, {3, 184, 80, false, HS, 1}, {3, 480, 112, true, HS, 1}, {3, 672, 112, true, HS, 1},
      {5, 672, 160, true, HS, 2}, {5, 960, 160, true, HS, 1}, {5, 960, 160, true, HS, 1}};
  if (size == MobileNetV3Size::small) return small;
  return large;
}

// The nearest multiple of 8 that is at least 8 and not more than a tenth below v.
inline std::int64_t make_divisible_by_8(std::int64_t v) {
  const std::int64_t rounded = std::max<std::int64_t>(8, (v + 4) / 8 * 8);
  return 10 * rounded < 9 * v ? rounded + 8 : rounded;
}
}  // namespace detail

// The two layers behind the pooled features; torchvision's classifier.1 and .2 are hardswish and dropout.
template <Element T = float>
struct MobileNetV3Classifier {
  Linear<T> hidden, output;
  double dropout;
  Tensor<T> operator()(const Tensor<T>& x) const {
    return tapped(*this, output(fovea::dropout(hardswish(hidden(x)), dropout)));
  }
  static void visit(auto&& self, auto&& v) {
    v("0", self.hidden);
    v("3", self.output);
  }
};

template <Element T = float>
struct MobileNetV3 {
  ConvBnAct<T> stem;              // features.0
  std::vector<MBConv<T>> blocks;  // features.1 ...
  ConvBnAct<T> head;              // the last of features
  MobileNetV3Classifier<T> classifier;

  explicit MobileNetV3(const MobileNetV3Options& o = {})
      : stem(conv_bn(3, 16, 3, 2, o)),
        head(conv_bn(last_channels(o), 6 * last_channels(o), 1, 1, o)),
        classifier{Linear<T>{{.in_features = 6 * last_channels(o), .out_features = hidden_features(o)}},
                   Linear<T>{{.in_features = hidden_features(o), .out_features = o.num_classes}}, o.dropout} {
    std::int64_t in_channels = 16;
    for (const detail::MobileNetV3Row& row : detail::mobilenet_v3_rows(o.size)) {
      blocks.push_back(MBConv<T>{{.in_channels = in_channels,
                                  .expanded_channels = row.expanded,
                                  .out_channels = row.out,
                                  .kernel_size = row.kernel_size,
                                  .stride = row.stride,
                                  .activation = row.activation,
                                  .squeeze_channels = row.squeeze ? detail::make_divisible_by_8(row.expanded / 4) : 0,
                                  .squeeze_activation = Activation::relu,
                                  .squeeze_gate = Activation::hardsigmoid,
                                  .padding = o.padding,
                                  .eps = o.eps,
                                  .momentum = 0.01}});
      in_channels = row.out;
    }
  }

  // x: N H W 3, normalised -> logits N num_classes.
  Tensor<T> operator()(const Tensor<T>& x) const {
    Tensor<T> y = stem(x);
    for (const MBConv<T>& block : blocks) y = block(y);
    return tapped(*this, classifier(global_avg_pool(head(y))));
  }

  static void visit(auto&& self, auto&& v) {
    v("features.0", self.stem);
    v("features", self.blocks, 1);
    v(to_text("features.", self.blocks.size() + 1), self.head);
    v("classifier", self.classifier);
  }

 private:
  static std::int64_t last_channels(const MobileNetV3Options& o) {
    return detail::mobilenet_v3_rows(o.size).back().out;
  }
  static std::int64_t hidden_features(const MobileNetV3Options& o) {
    return o.size == MobileNetV3Size::small ? 1024 : 1280;
  }
  static ConvBnAct<T> conv_bn(std::int64_t in, std::int64_t out, std::int64_t kernel_size, std::int64_t stride,
                              const MobileNetV3Options& o) {
    return ConvBnAct<T>{{.in_channels = in,
                         .out_channels = out,
                         .kernel_size = kernel_size,
                         .stride = stride,
                         .activation = Activation::hardswish,
                         .padding = o.padding,
                         .eps = o.eps,
                         .momentum = 0.01}};
  }
};

}  // namespace fovea::inline FOVEA_ABI
