// Fuzz target of io/safetensors.h: a file that is accepted covers its data section exactly with its tensors.
#pragma once

#include <fovea/io/safetensors.h>

#include "tensor_bytes.h"

namespace fovea::fuzz {

inline void fuzz_safetensors(std::span<const std::byte> bytes) {
  answer_or_error([&] {
    const TensorFile file = parse_safetensors(bytes, "fuzz");
    read_all(file, bytes.size());
    std::uint64_t header = 0, data = 0;
    std::memcpy(&header, bytes.data(), sizeof header);
    for (const auto& [name, t] : file.tensors) data += t.bytes();
    for (const auto& [name, t] : file.opaque) data += t.bytes.bytes();
    require(8 + header + data == bytes.size());
  });
}

}  // namespace fovea::fuzz
