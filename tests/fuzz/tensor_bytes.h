// What the fuzz targets of the weight readers share: reads every byte that a TensorFile holds, so that ASan sees a
// tensor that leaves its storage, and checks that its size is justified by the input.
#pragma once

#include <cstdlib>
#include <span>

#include <fovea/io/tensor_file.h>

namespace fovea::fuzz {

inline void require(bool promise) {
  if (!promise) std::abort();
}

inline void read_all(const TensorFile& file, std::size_t input_bytes) {
  volatile unsigned sink = 0;
  std::size_t total = 0;
  const auto read = [&](const AnyTensor& t) {
    for (const std::byte b : std::span(t.data(), t.bytes())) sink = sink + std::to_integer<unsigned>(b);
    total += t.bytes();
  };
  for (const auto& [name, t] : file.tensors) read(t);
  for (const auto& [name, t] : file.opaque) read(t.bytes);
  require(total <= (std::size_t{32} << 20) + 16 * input_bytes);
}

// Calls f; an Error that says something is an answer too, anything else is a finding.
template <class F>
void answer_or_error(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    require(e.code() == Code::bad_data && e.what()[0] != '\0');
  }
}

}  // namespace fovea::fuzz
