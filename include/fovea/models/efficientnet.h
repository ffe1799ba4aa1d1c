// EfficientNet-B0 (Tan and Le 2019, arXiv:1905.11946) with torchvision's names. Layer models; read models/mbconv.h
// first.
#pragma once

#include <string>
#include <vector>

#include <fovea/models/efficientnet_stages.h>
#include <fovea/models/mbconv.h>
#include <fovea/nn/linear.h>
#include <fovea/ops/dropout.h>
#include <fovea/ops/pool.h>

namespace fovea::inline FOVEA_ABI {

struct EfficientNetOptions {
  std::int64_t num_classes = 1000;
  PaddingRule padding = PaddingRule::symmetric;
  double eps = 1e-5;
  double dropout = 0.2;           // before the classifier, while training
  double stochastic_depth = 0.2;  // of the residual branches: grows linearly from 0 at the first block towards this
};

template <Element T = float>
struct EfficientNet {
  ConvBnAct<T> stem;                           // features.0
  std::vector<std::vector<MBConv<T>>> stages;  // features.1 to features.7
  ConvBnAct<T> head;                           // features.8
  Linear<T> classifier;                        // classifier.1; classifier.0 is the dropout
  double dropout;

  explicit EfficientNet(const EfficientNetOptions& o = {})
      : stem{{.in_channels = 3,
              .out_channels = 32,
              .stride = 2,
              .activation = Activation::silu,
              .padding = o.padding,
              .eps = o.eps}},
        head{{.in_channels = 320,
              .out_channels = 1280,
              .kernel_size = 1,
              .activation = Activation::silu,
              .padding = o.padding,
              .eps = o.eps}},
        classifier{{.in_features = 1280, .out_features = o.num_classes}},
        dropout(o.dropout) {
    std::int64_t in_channels = 32, total = 0, block = 0;
    for (const detail::EfficientNetStage& s : detail::kEfficientNetStages) total += s.repeats;
    for (const detail::EfficientNetStage& s : detail::kEfficientNetStages) {
      std::vector<MBConv<T>>& blocks = stages.emplace_back();
      for (int i = 0; i < s.repeats; ++i) {
        blocks.push_back(MBConv<T>{
            {.in_channels = in_channels,
             .expanded_channels = in_channels * s.expand_ratio,
             .out_channels = s.channels,
             .kernel_size = s.kernel_size,
             .stride = i == 0 ? s.stride : 1,
             .squeeze_channels = in_channels / 4,  // of the block's input, not of the expanded
             .padding = o.padding,
             .eps = o.eps,
             .stochastic_depth = o.stochastic_depth * static_cast<double>(block++) / static_cast<double>(total)}});
        in_channels = s.channels;
      }
    }
  }

  // x: N H W 3, normalised -> logits N num_classes.
  Tensor<T> operator()(const Tensor<T>& x) const {
    Tensor<T> y = stem(x);
    for (const std::vector<MBConv<T>>& stage : stages)
      for (const MBConv<T>& block : stage) y = block(y);
    return tapped(*this, classifier(fovea::dropout(global_avg_pool(head(y)), dropout)));
  }

  static void visit(auto&& self, auto&& v) {
    v("features.0", self.stem);
    v("features", self.stages, 1);
    v(to_text("features.", self.stages.size() + 1), self.head);
    v("classifier.1", self.classifier);
  }
};

}  // namespace fovea::inline FOVEA_ABI
