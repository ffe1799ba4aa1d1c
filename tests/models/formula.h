// Formula weights (weights/formula/formula.py of the data folder): every parameter is a function of its name and index.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <fovea/io/crc32.h>
#include <fovea/nn/module.h>

namespace fovea::test {

// u(name, i): the top 24 bits of splitmix64(crc32(name) * 2^32 + i), in [0, 1).
class Formula {
 public:
  explicit Formula(std::string_view name)
      : start_(std::uint64_t{crc32(std::as_bytes(std::span(name.data(), name.size())))} << 32) {}
  double operator()(std::int64_t i) const {
    std::uint64_t z = start_ + static_cast<std::uint64_t>(i) + 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<double>((z ^ (z >> 31)) >> 40) / 16777216.0;
  }

 private:
  std::uint64_t start_;
};

// Gives every parameter and buffer of the network its formula value.
template <class Net>
void fill_by_formula(Net& net, double gain) {
  for_each_tensor(net, [&](const std::string& name, auto& t, bool) {
    using T = typename std::remove_cvref_t<decltype(t)>::value_type;
    const Formula u(name);
    const bool scale = name.ends_with("running_var") || name.ends_with(".weight");
    const double fan_in = t.rank() >= 2 ? static_cast<double>(t.numel() / t.size(0)) : 1;
    std::int64_t i = 0;
    for (T& value : t.mutable_values()) {
      const double v = u(i++);
      if (t.rank() >= 2)
        value = static_cast<T>(gain * std::sqrt(6.0 / fan_in) * (2 * v - 1));
      else
        value = static_cast<T>(scale ? 0.75 + 0.5 * v : 0.2 * (v - 0.5));
    }
  });
}

// The formula input, made as N 3 H W and handed out as N H W 3.
inline Tensor<float> formula_input(std::int64_t n, std::int64_t height, std::int64_t width) {
  const Formula u("input");
  Tensor<float> x({n, height, width, 3});
  float* out = x.mutable_data();
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t c = 0; c < 3; ++c)
      for (std::int64_t p = 0; p < height * width; ++p)
        out[(i * height * width + p) * 3 + c] = static_cast<float>(4 * (u((i * 3 + c) * height * width + p) - 0.5));
  return x;
}

}  // namespace fovea::test
