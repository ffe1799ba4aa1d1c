// EfficientNet-Lite0: EfficientNet-B0 made for integer hardware (ReLU6, no squeeze-and-excitation), trained in
// TensorFlow: its padding is "same" and its batch norms have eps 1e-3. Names are those of the published PyTorch files
// (_conv_stem, _blocks.N._expand_conv, ..., _fc). Layer models; read nn/conv2d.h first.
#pragma once

#include <optional>
#include <vector>

#include <fovea/models/efficientnet_stages.h>
#include <fovea/nn/batch_norm2d.h>
#include <fovea/nn/conv2d.h>
#include <fovea/nn/linear.h>
#include <fovea/nn/padding_rule.h>
#include <fovea/ops/activation.h>
#include <fovea/ops/arithmetic.h>
#include <fovea/ops/pool.h>

namespace fovea::inline FOVEA_ABI {

struct EfficientNetLiteOptions {
  std::int64_t num_classes = 1000;
  PaddingRule padding = PaddingRule::same;
  double eps = 1e-3;
  Activation activation = Activation::relu6;
};

template <Element T = float>
struct EfficientNetLiteBlock {
  std::optional<Conv2d<T>> expand_conv;  // none for an expand_ratio of 1
  std::optional<BatchNorm2d<T>> bn0;
  Conv2d<T> depthwise_conv;
  BatchNorm2d<T> bn1;
  Conv2d<T> project_conv;
  BatchNorm2d<T> bn2;
  Activation activation;
  bool residual;

  EfficientNetLiteBlock(std::int64_t in_channels, std::int64_t out_channels, std::int64_t expand_ratio,
                        std::int64_t kernel_size, std::int64_t stride, const EfficientNetLiteOptions& o)
      : depthwise_conv{{.in_channels = in_channels * expand_ratio,
                        .out_channels = in_channels * expand_ratio,
                        .kernel_size = kernel_size,
                        .stride = stride,
                        .padding = padding_for(o.padding, kernel_size),
                        .groups = in_channels * expand_ratio,
                        .bias = false}},
        bn1{{.num_features = in_channels * expand_ratio, .eps = o.eps, .momentum = 0.01}},
        project_conv{{.in_channels = in_channels * expand_ratio, .out_channels = out_channels, .bias = false}},
        bn2{{.num_features = out_channels, .eps = o.eps, .momentum = 0.01}},
        activation(o.activation),
        residual(stride == 1 && in_channels == out_channels) {
    if (expand_ratio == 1) return;
    expand_conv = Conv2d<T>{{.in_channels = in_channels, .out_channels = in_channels * expand_ratio, .bias = false}};
    bn0 = BatchNorm2d<T>{{.num_features = in_channels * expand_ratio, .eps = o.eps, .momentum = 0.01}};
  }

  Tensor<T> operator()(const Tensor<T>& x) const {
    Tensor<T> y = expand_conv ? activate((*bn0)((*expand_conv)(x)), activation) : x;
    y = activate(bn1(depthwise_conv(y)), activation);
    y = bn2(project_conv(y));
    return tapped(*this, residual ? add(y, x) : y);
  }

  static void visit(auto&& self, auto&& v) {
    v("_expand_conv", self.expand_conv);
    v("_bn0", self.bn0);
    v("_depthwise_conv", self.depthwise_conv);
    v("_bn1", self.bn1);
    v("_project_conv", self.project_conv);
    v("_bn2", self.bn2);
  }
};

// An activation that taps can name: what it gives is a feature map to look at, as Grad-CAM does. Holds no tensors, so
// that no weight file knows of it.
template <Element T = float>
struct ActivationLayer {
  Activation activation;
  Tensor<T> operator()(const Tensor<T>& x) const { return tapped(*this, activate(x, activation)); }
  static void visit(auto&&, auto&&) {}
};

template <Element T = float>
struct EfficientNetLite {
  Conv2d<T> conv_stem;
  BatchNorm2d<T> bn0;
  std::vector<EfficientNetLiteBlock<T>> blocks;
  Conv2d<T> conv_head;
  BatchNorm2d<T> bn1;
  ActivationLayer<T> head_activation;
  Linear<T> fc;
  Activation activation;

  explicit EfficientNetLite(const EfficientNetLiteOptions& o = {})
      : conv_stem{{.in_channels = 3,
                   .out_channels = 32,
                   .kernel_size = 3,
                   .stride = 2,
                   .padding = padding_for(o.padding, 3),
                   .bias = false}},
        bn0{{.num_features = 32, .eps = o.eps, .momentum = 0.01}},
        conv_head{{.in_channels = 320, .out_channels = 1280, .bias = false}},
        bn1{{.num_features = 1280, .eps = o.eps, .momentum = 0.01}},
        head_activation{o.activation},
        fc{{.in_features = 1280, .out_features = o.num_classes}},
        activation(o.activation) {
    std::int64_t in_channels = 32;
    for (const detail::EfficientNetStage& s : detail::kEfficientNetStages) {
      for (int i = 0; i < s.repeats; ++i) {
        blocks.emplace_back(in_channels, s.channels, s.expand_ratio, s.kernel_size, i == 0 ? s.stride : 1, o);
        in_channels = s.channels;
      }
    }
  }

  // x: N H W 3, normalised -> logits N num_classes.
  Tensor<T> operator()(const Tensor<T>& x) const {
    Tensor<T> y = activate(bn0(conv_stem(x)), activation);
    for (const EfficientNetLiteBlock<T>& block : blocks) y = block(y);
    y = head_activation(bn1(conv_head(y)));
    return tapped(*this, fc(global_avg_pool(y)));
  }

  static void visit(auto&& self, auto&& v) {
    v("_conv_stem", self.conv_stem);
    v("_bn0", self.bn0);
    v("_blocks", self.blocks);
    v("_conv_head", self.conv_head);
    v("_bn1", self.bn1);
    v("_head_activation", self.head_activation);
    v("_fc", self.fc);
  }
};

}  // namespace fovea::inline FOVEA_ABI
