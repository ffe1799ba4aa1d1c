// ResNet-18, 34, 50, 101 and 152 (He et al. 2016, arXiv:1512.03385) in torchvision's form v1.5: in a bottleneck the 3x3
// convolution has the stride, not the first 1x1. Layer models; read nn/conv2d.h first.
//
//   ResNet<> net{{.depth = 50}};
//   Tensor<float> logits = net(x);   // N 224 224 3 -> N 1000
#pragma once

#include <array>
#include <optional>
#include <vector>

#include <fovea/nn/batch_norm2d.h>
#include <fovea/nn/conv2d.h>
#include <fovea/nn/linear.h>
#include <fovea/nn/padding_rule.h>
#include <fovea/ops/activation.h>
#include <fovea/ops/arithmetic.h>
#include <fovea/ops/pool.h>

namespace fovea::inline FOVEA_ABI {

struct ResNetOptions {
  int depth = 50;  // 18, 34, 50, 101, 152
  std::int64_t num_classes = 1000;
  PaddingRule padding = PaddingRule::symmetric;
  double eps = 1e-5;
};

// The 1x1 projection of a shortcut that changes size or channels.
template <Element T = float>
struct ResNetDownsample {
  Conv2d<T> conv;
  BatchNorm2d<T> bn;
  Tensor<T> operator()(const Tensor<T>& x) const { return tapped(*this, bn(conv(x))); }
  static void visit(auto&& self, auto&& v) {
    v("0", self.conv);
    v("1", self.bn);
  }
};

// Both residual blocks in one type, so that all depths are one type: two 3x3 convolutions (BasicBlock), or 1x1, 3x3 and
// 1x1 with four times the channels (Bottleneck).
template <Element T = float>
struct ResNetBlock {
  struct Options {
    std::int64_t in_channels = 0, channels = 0, stride = 1;
    bool bottleneck = false;
  };
  static constexpr std::int64_t kExpansion = 4;  // of a bottleneck

  Conv2d<T> conv1;
  BatchNorm2d<T> bn1;
  Conv2d<T> conv2;
  BatchNorm2d<T> bn2;
  std::optional<Conv2d<T>> conv3;
  std::optional<BatchNorm2d<T>> bn3;
  std::optional<ResNetDownsample<T>> downsample;

  ResNetBlock(const Options& b, const ResNetOptions& o)
      : conv1(conv(b.in_channels, b.channels, b.bottleneck ? 1 : 3, b.bottleneck ? 1 : b.stride, o)),
        bn1{{.num_features = b.channels, .eps = o.eps}},
        conv2(conv(b.channels, b.channels, 3, b.bottleneck ? b.stride : 1, o)),
        bn2{{.num_features = b.channels, .eps = o.eps}} {
    const std::int64_t out = b.bottleneck ? kExpansion * b.channels : b.channels;
    if (b.bottleneck) {
      conv3 = conv(b.channels, out, 1, 1, o);
      bn3 = BatchNorm2d<T>{{.num_features = out, .eps = o.eps}};
    }
    if (b.stride != 1 || b.in_channels != out)
      downsample = ResNetDownsample<T>{conv(b.in_channels, out, 1, b.stride, o),
                                       BatchNorm2d<T>{{.num_features = out, .eps = o.eps}}};
  }

  Tensor<T> operator()(const Tensor<T>& x) const {
    Tensor<T> y = bn2(conv2(relu(bn1(conv1(x)))));
    if (conv3) y = (*bn3)((*conv3)(relu(y)));
    return tapped(*this, relu(add(y, downsample ? (*downsample)(x) : x)));
  }

  static void visit(auto&& self, auto&& v) {
    v("conv1", self.conv1);
    v("bn1", self.bn1);
    v("conv2", self.conv2);
    v("bn2", self.bn2);
    v("conv3", self.conv3);
    v("bn3", self.bn3);
    v("downsample", self.downsample);
  }

 private:
  static Conv2d<T> conv(std::int64_t in, std::int64_t out, std::int64_t kernel_size, std::int64_t stride,
                        const ResNetOptions& o) {
    return Conv2d<T>{{.in_channels = in,
                      .out_channels = out,
                      .kernel_size = kernel_size,
                      .stride = stride,
                      .padding = padding_for(o.padding, kernel_size),
                      .bias = false}};
  }
};

template <Element T = float>
struct ResNet {
  Conv2d<T> conv1;
  BatchNorm2d<T> bn1;
  PoolOptions maxpool;
  std::vector<ResNetBlock<T>> layer1, layer2, layer3, layer4;
  Linear<T> fc;

  explicit ResNet(const ResNetOptions& o = {})
      : conv1{{.in_channels = 3,
               .out_channels = 64,
               .kernel_size = 7,
               .stride = 2,
               .padding = padding_for(o.padding, 7),
               .bias = false}},
        bn1{{.num_features = 64, .eps = o.eps}},
        maxpool{.kernel_size = 3, .stride = 2, .padding = padding_for(o.padding, 3)},
        fc{{.in_features = features(o.depth), .out_features = o.num_classes}} {
    const std::array<int, 4> depths = stages(o.depth);
    std::int64_t in_channels = 64;
    const auto stage = [&](int depth, std::int64_t channels, std::int64_t stride) {
      std::vector<ResNetBlock<T>> blocks;
      for (int i = 0; i < depth; ++i) {
        blocks.emplace_back(
            typename ResNetBlock<T>::Options{in_channels, channels, i == 0 ? stride : 1, bottleneck(o.depth)}, o);
        in_channels = bottleneck(o.depth) ? ResNetBlock<T>::kExpansion * channels : channels;
      }
      return blocks;
    };
    layer1 = stage(depths[0], 64, 1);
    layer2 = stage(depths[1], 128, 2);
    layer3 = stage(depths[2], 256, 2);
    layer4 = stage(depths[3], 512, 2);
  }

  // x: N H W 3, normalised -> logits N num_classes.
  Tensor<T> operator()(const Tensor<T>& x) const {
    Tensor<T> y = max_pool2d(relu(bn1(conv1(x))), maxpool);
    for (const auto* layer : {&layer1, &layer2, &layer3, &layer4})
      for (const ResNetBlock<T>& block : *layer) y = block(y);
    return tapped(*this, fc(global_avg_pool(y)));
  }

  static void visit(auto&& self, auto&& v) {
    v("conv1", self.conv1);
    v("bn1", self.bn1);
    v("layer1", self.layer1);
    v("layer2", self.layer2);
    v("layer3", self.layer3);
    v("layer4", self.layer4);
    v("fc", self.fc);
  }

 private:
  static bool bottleneck(int depth) { return depth >= 50; }
  static std::int64_t features(int depth) { return bottleneck(depth) ? ResNetBlock<T>::kExpansion * 512 : 512; }
  static std::array<int, 4> stages(int depth) {
    switch (depth) {
      case 18:
        return {2, 2, 2, 2};
      case 34:
        return {3, 4, 6, 3};
      case 50:
        return {3, 4, 6, 3};
      case 101:
        return {3, 4, 23, 3};
      case 152:
        return {3, 8, 36, 3};
      default:
        fail("ResNet: depth ", depth, " is none of 18, 34, 50, 101, 152");
    }
  }
};

}  // namespace fovea::inline FOVEA_ABI
