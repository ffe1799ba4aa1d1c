// The stages that EfficientNet-B0 and EfficientNet-Lite0 share (Tan and Le 2019, table 1). Layer models.
#pragma once

#include <cstdint>

#include <fovea/core/config.h>

namespace fovea::inline FOVEA_ABI {
namespace detail {

struct EfficientNetStage {
  std::int64_t expand_ratio, kernel_size, stride, channels, repeats;
};
inline constexpr EfficientNetStage kEfficientNetStages[] = {{1, 3, 1, 16, 1}, {6, 3, 2, 24, 2},  {6, 5, 2, 40, 2},
                                                            {6, 3, 2, 80, 3}, {6, 5, 1, 112, 3}, {6, 5, 2, 192, 4},
                                                            {6, 3, 1, 320, 1}};

}  // namespace detail
}  // namespace fovea::inline FOVEA_ABI
