// MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) with torchvision's names: inverted residuals with ReLU6 and a
// linear bottleneck. With .padding = PaddingRule::same it takes weights that TensorFlow trained. Layer models; read
// nn/conv_bn_act.h first.
#pragma once

#include <optional>
#include <vector>

#include <fovea/nn/conv_bn_act.h>
#include <fovea/nn/linear.h>
#include <fovea/ops/arithmetic.h>
#include <fovea/ops/dropout.h>
#include <fovea/ops/pool.h>

namespace fovea::inline FOVEA_ABI {

struct MobileNetV2Options {
  std::int64_t num_classes = 1000;
  PaddingRule padding = PaddingRule::symmetric;
  double eps = 1e-5;
  double dropout = 0.2;  // before the classifier, while training
};

template <Element T = float>
struct MobileNetV2Block {
  std::optional<ConvBnAct<T>> expand;  // 1x1 to expand_ratio times the channels; none for a ratio of 1
  ConvBnAct<T> depthwise;              // 3x3
  Conv2d<T> project;                   // 1x1, no activation behind it
  BatchNorm2d<T> bn;
  bool residual;

  MobileNetV2Block(std::int64_t in_channels, std::int64_t out_channels, std::int64_t stride, std::int64_t expand_ratio,
                   const MobileNetV2Options& o)
      : depthwise{{.in_channels = in_channels * expand_ratio,
                   .out_channels = in_channels * expand_ratio,
                   .stride = stride,
                   .groups = in_channels * expand_ratio,
                   .activation = Activation::relu6,
                   .padding = o.padding,
                   .eps = o.eps}},
        project{{.in_channels = in_channels * expand_ratio, .out_channels = out_channels, .bias = false}},
        bn{{.num_features = out_channels, .eps = o.eps}},
        residual(stride == 1 && in_channels == out_channels) {
    if (expand_ratio != 1)
      expand = ConvBnAct<T>{{.in_channels = in_channels,
                             .out_channels = in_channels * expand_ratio,
                             .kernel_size = 1,
                             .activation = Activation::relu6,
                             .padding = o.padding,
                             .eps = o.eps}};
  }

  Tensor<T> operator()(const Tensor<T>& x) const {
    const Tensor<T> y = bn(project(depthwise(expand ? (*expand)(x) : x)));
    return tapped(*this, residual ? add(x, y) : y);
  }

  static void visit(auto&& self, auto&& v) {
    int i = 0;
    const auto next = [&] { return to_text("conv.", i++); };
    if (self.expand) v(next(), *self.expand);
    v(next(), self.depthwise);
    v(next(), self.project);
    v(next(), self.bn);
  }
};

template <Element T = float>
struct MobileNetV2 {
  ConvBnAct<T> stem;                        // features.0
  std::vector<MobileNetV2Block<T>> blocks;  // features.1 to features.17
  ConvBnAct<T> head;                        // features.18
  Linear<T> classifier;                     // classifier.1; classifier.0 is the dropout
  double dropout;

  explicit MobileNetV2(const MobileNetV2Options& o = {})
      : stem{{.in_channels = 3,
              .out_channels = 32,
              .stride = 2,
              .activation = Activation::relu6,
              .padding = o.padding,
              .eps = o.eps}},
        head{{.in_channels = 320,
              .out_channels = 1280,
              .kernel_size = 1,
              .activation = Activation::relu6,
              .padding = o.padding,
              .eps = o.eps}},
        classifier{{.in_features = 1280, .out_features = o.num_classes}},
        dropout(o.dropout) {
    struct Stage {
      std::int64_t expand_ratio, channels, repeats, stride;
    };
    std::int64_t in_channels = 32;
    for (const Stage& s : {Stage{1, 16, 1, 1},
                           {6, 24, 2, 2},
                           {6, 32, 3, 2},
                           {6, 64, 4, 2},
                           {6, 96, 3, 1},
                           {6, 160, 3, 2},
                           {6, 320, 1, 1}}) {
      for (int i = 0; i < s.repeats; ++i) {
        blocks.emplace_back(in_channels, s.channels, i == 0 ? s.stride : 1, s.expand_ratio, o);
        in_channels = s.channels;
      }
    }
  }

  // x: N H W 3, normalised -> logits N num_classes.
  Tensor<T> operator()(const Tensor<T>& x) const {
    Tensor<T> y = stem(x);
    for (const MobileNetV2Block<T>& block : blocks) y = block(y);
    return tapped(*this, classifier(fovea::dropout(global_avg_pool(head(y)), dropout)));
  }

  static void visit(auto&& self, auto&& v) {
    v("features.0", self.stem);
    v("features", self.blocks, 1);
    v(to_text("features.", self.blocks.size() + 1), self.head);
    v("classifier.1", self.classifier);
  }
};

}  // namespace fovea::inline FOVEA_ABI
