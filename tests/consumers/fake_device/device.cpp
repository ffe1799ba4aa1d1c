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

void install() { fovea::install_kernels<Args>(fovea::Device::sim, rows); }

fovea::Tensor<float> tensor(const fovea::Shape& shape, float value) {
  const std::size_t bytes = static_cast<std::size_t>(shape.numel()) * sizeof(float);
  fovea::Tensor<float> t(shape, std::make_shared<fovea::Storage>(bytes, fovea::Device::sim));
  std::fill_n(t.mutable_data(), shape.numel(), value);
  return t;
}

int calls() { return served; }

}  // namespace fake
