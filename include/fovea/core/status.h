// Status: what went wrong, where, in a plain value without heap. Layer core; the base of Error (core/error.h) and all
// that the firmware part (no exceptions, no strings) reports.
#pragma once

#include <cstddef>
#include <cstdint>

#include <fovea/core/config.h>

namespace fovea::inline FOVEA_ABI {

enum class Code : std::uint8_t {
  ok,
  invalid_argument,  // a wrong call: shapes, options, names
  bad_data,          // bytes from outside that are malformed, hostile or of a format that fovea does not read
  not_found,         // a file, model, tensor or device that is not there
  io,                // the operating system refused to read or write
  out_of_memory,     // an allocation, or a limit that we set for one
  unavailable,       // this machine or build lacks it (an instruction set, a device, a decoder)
  internal,          // an invariant of ours is broken
};

struct Status {
  static constexpr std::uint64_t kNoOffset = ~std::uint64_t{0};

  Code code = Code::ok;
  std::uint64_t offset = kNoOffset;  // byte in the input, where that means something
  char field[64] = "";               // the named part of the input ("data_offsets", "IHDR"), or empty
  char message[256] = "";            // cut at 255 bytes

  constexpr bool ok() const { return code == Code::ok; }

  // Copies at most what fits, always terminated.
  template <std::size_t N>
  static constexpr void copy(char (&to)[N], const char* from, std::size_t length) {
    const std::size_t n = length < N - 1 ? length : N - 1;
    for (std::size_t i = 0; i < n; ++i) to[i] = from[i];
    to[n] = '\0';
  }
};

}  // namespace fovea::inline FOVEA_ABI
