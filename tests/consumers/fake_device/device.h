// A pretended device in host memory, in the place of Device::sim.
#pragma once

#include <fovea/core/tensor.h>

namespace fake {

void install();
fovea::Tensor<float> tensor(const fovea::Shape& shape, float value);
int calls();  // how often its row has served

}  // namespace fake
