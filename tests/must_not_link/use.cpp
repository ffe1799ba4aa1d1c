// The other half: see define.cpp.
#include <fovea/core/tensor.h>

int elements(const fovea::Tensor<float>& tensor);

int main() {
  fovea::Tensor<float> tensor({2, 3});
  return elements(tensor) == 6 ? 0 : 1;
}
