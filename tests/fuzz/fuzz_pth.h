// Fuzz targets of io/pth.h: the two file forms, and the object pickle alone inside a good zip, where a fuzzer that
// would have to guess CRC sums seldom gets.
#pragma once

#include <fovea/io/inflate.h>
#include <fovea/io/pth.h>
#include <fovea/io/pth_tensors.h>

#include "tensor_bytes.h"

namespace fovea::fuzz {

inline void fuzz_pth(std::span<const std::byte> bytes) {
  answer_or_error([&] { read_all(parse_pth(bytes, "fuzz"), bytes.size()); });
}

// The bytes are a pickle; every storage that it refers to is there, up to 4 KiB.
inline void fuzz_pickle(std::span<const std::byte> bytes) {
  answer_or_error([&] {
    constexpr std::size_t kLargest = 4096;
    detail::TorchObjects objects;
    Pickle pickle(bytes, {"fuzz", "data.pkl", 0}, objects);
    const auto root = pickle.run();
    std::vector<detail::TorchBlob> blobs;
    for (const detail::TorchStorage& s : objects.storages) {
      if (s.bytes > kLargest) return;
      const auto memory = allocate_aligned(static_cast<std::size_t>(s.bytes));
      std::memset(memory.get(), 1, static_cast<std::size_t>(s.bytes));
      blobs.push_back({{memory.get(), static_cast<std::size_t>(s.bytes)}, memory, true, false});
    }
    TensorFile file;
    Allowance allowance(bytes.size(), 65536);  // little memory makes many executions
    detail::TorchFileBuilder(file, pickle.values(), objects, blobs, bytes.size(), allowance).build(root);
    read_all(file, bytes.size() + kLargest * blobs.size());
  });
}

inline void fuzz_inflate(std::span<const std::byte> bytes) {
  answer_or_error([&] {
    std::vector<std::byte> out(8 * bytes.size() + 64);
    inflate(bytes, out);
  });
}

}  // namespace fovea::fuzz
