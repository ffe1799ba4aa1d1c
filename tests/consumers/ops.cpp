// The smallest program that needs the registry and a kernel: relu and a convolution whose results are known.
#include <cstdio>

#include <fovea/ops.h>

int main() {
  const fovea::Tensor<float> x({1, 1, 2, 1}, {-3.0f, 4.0f});                                                 // N H W C
  const fovea::Tensor<float> y = fovea::conv2d(fovea::relu(x), fovea::Tensor<float>({1, 1, 1, 1}, {2.0f}));  // O I H W
  std::printf("%g %g\n", static_cast<double>(y.data()[0]), static_cast<double>(y.data()[1]));
  return y.data()[0] == 0.0f && y.data()[1] == 8.0f ? 0 : 1;
}
