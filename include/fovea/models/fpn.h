// FeaturePyramid (Lin et al. 2017, arXiv:1612.03144) with torchvision's names: 1x1 convolutions bring each map to the
// same channels, coarser maps are added from the top down, 3x3 convolutions smooth the sums. Layer models; read
// nn/conv2d.h first.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <fovea/nn/conv2d.h>
#include <fovea/ops/activation.h>
#include <fovea/ops/arithmetic.h>
#include <fovea/ops/interpolate.h>
#include <fovea/ops/pool.h>

namespace fovea::inline FOVEA_ABI {

// What follows the coarsest map: nothing; every second pixel of it (torchvision's LastLevelMaxPool: one level, the P6
// of a pyramid from P2 to P5); or two 3x3 convolutions of stride 2 (LastLevelP6P7), of which the first reads the
// coarsest input (RetinaNet's C5) or the coarsest output (FCOS's P5).
enum class ExtraLevels { none, max_pool, p6p7_from_c5, p6p7_from_p5 };

struct FeaturePyramidOptions {
  std::vector<std::int64_t> in_channels;  // of the maps, finest first
  std::int64_t out_channels = 256;
  ExtraLevels extra = ExtraLevels::none;
};

template <Element T = float>
struct ExtraP6P7 {
  Conv2d<T> p6, p7;
  static void visit(auto&& self, auto&& v) {
    v("p6", self.p6);
    v("p7", self.p7);
  }
};

template <Element T = float>
struct FeaturePyramid {
  std::vector<Conv2d<T>> inner_blocks, layer_blocks;
  std::optional<ExtraP6P7<T>> extra_blocks;
  ExtraLevels extra;

  explicit FeaturePyramid(const FeaturePyramidOptions& o) : extra(o.extra) {
    if (o.in_channels.empty()) fail("FeaturePyramid: no maps; in_channels names the channels of each, finest first");
    for (const std::int64_t c : o.in_channels) {
      inner_blocks.push_back(Conv2d<T>{{.in_channels = c, .out_channels = o.out_channels}});
      layer_blocks.push_back(conv3x3(o.out_channels, o.out_channels, 1));
    }
    if (extra != ExtraLevels::p6p7_from_c5 && extra != ExtraLevels::p6p7_from_p5) return;
    const std::int64_t in = extra == ExtraLevels::p6p7_from_c5 ? o.in_channels.back() : o.out_channels;
    extra_blocks = ExtraP6P7<T>{conv3x3(in, o.out_channels, 2), conv3x3(o.out_channels, o.out_channels, 2)};
  }

  // maps: N H W C each, finest first -> as many maps of out_channels, then the extra levels.
  std::vector<Tensor<T>> operator()(const std::vector<Tensor<T>>& maps) const {
    if (maps.size() != inner_blocks.size())
      fail("FeaturePyramid: ", maps.size(), " maps, the pyramid was made for ", inner_blocks.size());
    std::vector<Tensor<T>> out(maps.size());
    Tensor<T> sum;
    for (std::size_t i = maps.size(); i-- > 0;) {
      const Tensor<T> inner = inner_blocks[i](maps[i]);
      const InterpolateOptions finer{.size = {inner.size(1), inner.size(2)}, .mode = InterpolateMode::nearest};
      sum = sum.defined() ? add(inner, interpolate(sum, finer)) : inner;
      out[i] = layer_blocks[i](sum);
    }
    if (extra == ExtraLevels::max_pool) out.push_back(max_pool2d(out.back(), {.kernel_size = 1, .stride = 2}));
    if (extra_blocks) {
      out.push_back(extra_blocks->p6(extra == ExtraLevels::p6p7_from_c5 ? maps.back() : out.back()));
      out.push_back(extra_blocks->p7(relu(out.back())));
    }
    return out;
  }

  static void visit(auto&& self, auto&& v) {
    const auto list = [&](const std::string& name, auto& convs) {  // torchvision: a sequence of one, "inner_blocks.2.0"
      for (std::size_t i = 0; i < convs.size(); ++i) v(name + "." + std::to_string(i) + ".0", convs[i]);
    };
    list("inner_blocks", self.inner_blocks);
    list("layer_blocks", self.layer_blocks);
    v("extra_blocks", self.extra_blocks);
  }

 private:
  static Conv2d<T> conv3x3(std::int64_t in, std::int64_t out, std::int64_t stride) {
    return Conv2d<T>{{.in_channels = in, .out_channels = out, .kernel_size = 3, .stride = stride, .padding = 1}};
  }
};

}  // namespace fovea::inline FOVEA_ABI
