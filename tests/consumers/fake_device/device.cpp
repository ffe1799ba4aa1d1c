#include "device.h"

#include <fovea/cpu/pointwise/args.h>

namespace fake {
namespace {

using Args = fovea::PointwiseArgs<float>;
int served = 0;

const fovea::Kernel<Args> rows[] = {{"fake_relu", fovea::Isa::scalar,
                                     [](const Args& a) { return a.function == fovea::Activation::relu; },
                                     [](const Args& a) {
                                       ++served;
                                       for (std::int64_t i = 0; i < a.count; ++i)
                                         a.y[i] = 42.0f;  // nobody else computes this
                                     }}};

}  // namespace

void install() {
  fovea::install_allocator(fovea::Device::sim, fovea::allocate_aligned);
  fovea::install_kernels<Args>(fovea::Device::sim, rows);
}

fovea::Tensor<float> tensor(const fovea::Shape& shape, float value) {
  fovea::Tensor<float> t(shape, fovea::uninitialized, fovea::Device::sim);
  std::fill_n(t.mutable_data(), shape.numel(), value);
  return t;
}

int calls() { return served; }

}  // namespace fake
