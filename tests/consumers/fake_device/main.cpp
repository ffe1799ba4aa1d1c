// Links a static library that installs a device, and sees its row serve a call; without the call there is no row, and
// what the device does not offer is an error. The CPU's rows serve the CPU as before.
#include <algorithm>
#include <cstdio>

#include <fovea/ops.h>

#include "device.h"

template <class F>
bool refused(F&& f) {
  try {
    f();
  } catch (const fovea::Error& error) {
    std::printf("refused: %s\n", error.what());
    return true;
  }
  return false;
}

int main() {
  if (!refused([&] { fake::tensor({2, 3}, -1.0f); })) return 1;
  fake::install();
  const fovea::Tensor<float> x = fake::tensor({2, 3}, -1.0f);
  const fovea::Tensor<float> y = fovea::relu(x);
  if (y.device() != fovea::Device::sim || fake::calls() != 1 ||
      !std::all_of(y.data(), y.data() + y.numel(), [](float v) { return v == 42.0f; }))
    return 2;
  if (!refused([&] { fovea::sigmoid(x); })) return 3;
  if (fovea::relu(fovea::Tensor<float>({1}, -1.0f)).data()[0] != 0.0f || fake::calls() != 1) return 4;
  std::puts("the fake row served");
  return 0;
}
