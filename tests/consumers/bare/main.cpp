// What a user writes who has only a compiler: g++ -std=c++20 -O2 -I include main.cpp -pthread. One ResNet-50 forward;
// its compile time is the library's budget (scripts/check_compile).
#include <cmath>
#include <cstdio>

#include <fovea/fovea.h>

int main() {
  const fovea::ResNet<> net{{.depth = 50}};
  const fovea::Tensor<float> photo({1, 64, 64, 3}, 0.5f);  // N H W C
  const fovea::Tensor<float> logits = net(photo);
  for (std::int64_t i = 0; i < logits.numel(); ++i)
    if (!std::isfinite(logits.data()[i])) return 1;
  std::printf("%lld logits\n", static_cast<long long>(logits.numel()));
  return logits.shape() == fovea::Shape{1, 1000} ? 0 : 1;
}
