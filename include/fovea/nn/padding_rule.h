// PaddingRule: how an architecture pads its convolutions, as one option that reaches all of them. Layer nn.
// PyTorch's networks pad both sides alike; TensorFlow's put the extra row of a strided convolution at the end, so the
// same weights give other answers under the other rule.
#pragma once

#include <fovea/ops/window.h>

namespace fovea::inline FOVEA_ABI {

enum class PaddingRule { symmetric, same };

// The padding of a convolution or pool with an odd kernel: (k - 1) / 2 on each side, or TensorFlow's "same".
inline Padding padding_for(PaddingRule rule, Size2 kernel_size) {
  if (rule == PaddingRule::same) return Padding::same();
  const std::int64_t h = (kernel_size.h - 1) / 2, w = (kernel_size.w - 1) / 2;
  return {h, h, w, w};
}

}  // namespace fovea::inline FOVEA_ABI
