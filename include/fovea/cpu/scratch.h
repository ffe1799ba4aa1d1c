// Scratch: floats for the length of a kernel, not initialised. Layer cpu.
//
// It stands outside the regions that are compiled for a wider instruction set: what the standard library compiles
// inline must not end up in the program with such instructions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <fovea/core/config.h>

namespace fovea::inline FOVEA_ABI::cpu {

class Scratch {
 public:
  explicit Scratch(std::int64_t floats) : data_(new float[static_cast<std::size_t>(floats)]) {}
  float* data() const { return data_.get(); }

 private:
  std::unique_ptr<float[]> data_;
};

}  // namespace fovea::inline FOVEA_ABI::cpu
