// ResNet-20, 32, 44, 56 and 110 for 32x32 images (He et al. 2016, section 4.2): three stages of 16, 32 and 64 channels
// and shortcuts without parameters (option A). Names are those of the widely used files by Idelbayev (conv1, bn1,
// layer1.0.conv1, ..., linear). Layer models; read models/resnet.h first.
#pragma once

#include <vector>

#include <fovea/nn/batch_norm2d.h>
#include <fovea/nn/conv2d.h>
#include <fovea/nn/linear.h>
#include <fovea/nn/padding_rule.h>
#include <fovea/ops/activation.h>
#include <fovea/ops/arithmetic.h>
#include <fovea/ops/concat.h>
#include <fovea/ops/pool.h>
#include <fovea/ops/slice.h>

namespace fovea::inline FOVEA_ABI {

struct ResNetCifarOptions {
  int depth = 20;  // 6 n + 2: n blocks a stage
  std::int64_t num_classes = 10;
  PaddingRule padding = PaddingRule::symmetric;
  double eps = 1e-5;
};

// Option A: every second pixel, and half of the new channels as zeros before and half behind the old ones.
// x: N H W C -> N ceil(H/2) ceil(W/2) out_channels.
template <Element T>
Tensor<T> shortcut_option_a(const Tensor<T>& x, std::int64_t out_channels) {
  const Tensor<T> y = slice(slice(x, 1, 0, x.size(1), 2), 2, 0, x.size(2), 2);
  const std::int64_t added = out_channels - y.size(3), before = added / 2;
  return concat({Tensor<T>(y.shape().with(3, before)), y, Tensor<T>(y.shape().with(3, added - before))}, 3);
}

template <Element T = float>
struct ResNetCifarBlock {
  Conv2d<T> conv1;
  BatchNorm2d<T> bn1;
  Conv2d<T> conv2;
  BatchNorm2d<T> bn2;

  ResNetCifarBlock(std::int64_t in_channels, std::int64_t channels, std::int64_t stride, const ResNetCifarOptions& o)
      : conv1(conv3x3(in_channels, channels, stride, o)),
        bn1{{.num_features = channels, .eps = o.eps}},
        conv2(conv3x3(channels, channels, 1, o)),
        bn2{{.num_features = channels, .eps = o.eps}} {}

  Tensor<T> operator()(const Tensor<T>& x) const {
    const Tensor<T> y = bn2(conv2(relu(bn1(conv1(x)))));
    return tapped(*this, relu(add(y, y.shape() == x.shape() ? x : shortcut_option_a(x, y.size(3)))));
  }

  static void visit(auto&& self, auto&& v) {
    v("conv1", self.conv1);
    v("bn1", self.bn1);
    v("conv2", self.conv2);
    v("bn2", self.bn2);
  }

  static Conv2d<T> conv3x3(std::int64_t in, std::int64_t out, std::int64_t stride, const ResNetCifarOptions& o) {
    return Conv2d<T>{{.in_channels = in,
                      .out_channels = out,
                      .kernel_size = 3,
                      .stride = stride,
                      .padding = padding_for(o.padding, 3),
                      .bias = false}};
  }
};

template <Element T = float>
struct ResNetCifar {
  Conv2d<T> conv1;
  BatchNorm2d<T> bn1;
  std::vector<ResNetCifarBlock<T>> layer1, layer2, layer3;
  Linear<T> linear;

  explicit ResNetCifar(const ResNetCifarOptions& o = {})
      : conv1(ResNetCifarBlock<T>::conv3x3(3, 16, 1, o)),
        bn1{{.num_features = 16, .eps = o.eps}},
        linear{{.in_features = 64, .out_features = o.num_classes}} {
    if (o.depth < 8 || (o.depth - 2) % 6 != 0)
      fail("ResNetCifar: depth ", o.depth, " is not 6 n + 2 (20, 32, 44, 56, 110)");
    const auto stage = [&](std::int64_t in_channels, std::int64_t channels, std::int64_t stride) {
      std::vector<ResNetCifarBlock<T>> blocks;
      for (int i = 0; i < (o.depth - 2) / 6; ++i)
        blocks.emplace_back(i == 0 ? in_channels : channels, channels, i == 0 ? stride : 1, o);
      return blocks;
    };
    layer1 = stage(16, 16, 1);
    layer2 = stage(16, 32, 2);
    layer3 = stage(32, 64, 2);
  }

  // x: N 32 32 3, normalised -> logits N num_classes.
  Tensor<T> operator()(const Tensor<T>& x) const {
    Tensor<T> y = relu(bn1(conv1(x)));
    for (const auto* layer : {&layer1, &layer2, &layer3})
      for (const ResNetCifarBlock<T>& block : *layer) y = block(y);
    return tapped(*this, linear(global_avg_pool(y)));
  }

  static void visit(auto&& self, auto&& v) {
    v("conv1", self.conv1);
    v("bn1", self.bn1);
    v("layer1", self.layer1);
    v("layer2", self.layer2);
    v("layer3", self.layer3);
    v("linear", self.linear);
  }
};

}  // namespace fovea::inline FOVEA_ABI
