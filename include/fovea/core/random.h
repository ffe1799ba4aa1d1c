// Random numbers by address: Philox4x32 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011) turns (seed, stream, index) into words. There is no state: any element can be computed alone, in any order,
// by any thread, and is the same on every machine. Layer core.
//
//   const Philox random(seed, stream);           // one stream for each random op of a step
//   mask[i] = random.uniform(i) < keep;          // element i, whoever computes it
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

#include <fovea/core/error.h>

namespace fovea::inline FOVEA_ABI {

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;
using PhiloxBlock = std::array<std::uint32_t, 4>;

// The block function, words in the order of Random123 (word 0 of counter and key first). 10 rounds are the published
// default; 7 are the fewest that pass the paper's statistical tests.
template <int Rounds = 10>
constexpr PhiloxBlock philox4x32(PhiloxCounter c, PhiloxKey k) {
  for (int round = 0; round < Rounds; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * c[0], b = std::uint64_t{0xCD9E8D57u} * c[2];
    c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(a)};
    k[0] += 0x9E3779B9u;  // golden ratio
    k[1] += 0xBB67AE85u;  // sqrt(3) - 1
  }
  return c;
}

// Uniform in [0, 1): 24 bits of one word, and 53 bits of two consecutive ones (27 of the first, 26 of the second).
constexpr float uniform_from(std::uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }
constexpr double uniform_from(std::uint32_t first, std::uint32_t second) {
  return (static_cast<double>(first >> 5) * 0x1p26 + static_cast<double>(second >> 6)) * 0x1p-53;
}
// Two independent standard normals from two words (Box and Muller 1958). The first uniform lies in (0, 1], so that its
// logarithm is finite: |result| <= sqrt(48 ln 2) = 5.77. The last bits are those of the C library's log, cos and sin.
inline std::array<double, 2> normals_from(std::uint32_t first, std::uint32_t second) {
  const double u1 = (static_cast<double>(first >> 8) + 1) * 0x1p-24, u2 = static_cast<double>(second >> 8) * 0x1p-24;
  const double r = std::sqrt(-2 * std::log(u1)), angle = 2 * std::numbers::pi * u2;
  return {r * std::cos(angle), r * std::sin(angle)};
}
// Integer in [0, n) by multiply and shift (Lemire 2019) without rejection: no value's probability is off by more than
// 2^-32, which is no matter for the n of a data set.
constexpr std::uint32_t below_from(std::uint32_t word, std::uint32_t n) {
  return static_cast<std::uint32_t>((std::uint64_t{word} * n) >> 32);
}

// Who draws from which streams, so that one seed serves a whole program: the random ops of a training step from 0 on
// (core/training.h), and far above them what starts the weights, orders the samples and changes the photos.
inline constexpr std::uint64_t kInitStreams = std::uint64_t{1} << 61, kShuffleStreams = std::uint64_t{2} << 61,
                               kAugmentStreams = std::uint64_t{3} << 61;

// One stream of a seed. Streams and seeds are independent of each other; the functions of one stream read the same
// words, so a program that needs two kinds of numbers takes two streams.
class Philox {
 public:
  constexpr explicit Philox(std::uint64_t seed, std::uint64_t stream = 0) : seed_(seed), stream_(stream) {}

  // Where the words come from, for kernels that compute many blocks at a time.
  constexpr std::uint64_t seed() const { return seed_; }
  constexpr std::uint64_t stream() const { return stream_; }

  // Block `index`: the seed is the key, index and stream are the two halves of the counter.
  constexpr PhiloxBlock block(std::uint64_t index) const {
    return philox4x32({low(index), high(index), low(stream_), high(stream_)}, {low(seed_), high(seed_)});
  }
  // Word i of the stream: word i % 4 of block i / 4.
  constexpr std::uint32_t word(std::uint64_t i) const { return block(i / 4)[i % 4]; }

  // Element i of the stream as uniform in [0, 1) with 24 or 53 bits, standard normal, or integer in [0, n).
  constexpr float uniform(std::uint64_t i) const { return uniform_from(word(i)); }
  constexpr double uniform_double(std::uint64_t i) const {
    const PhiloxBlock b = block(i / 2);
    return i % 2 == 0 ? uniform_from(b[0], b[1]) : uniform_from(b[2], b[3]);
  }
  double normal(std::uint64_t i) const {
    const PhiloxBlock b = block(i / 4);
    const auto [first, second] = i % 4 < 2 ? normals_from(b[0], b[1]) : normals_from(b[2], b[3]);
    return i % 2 == 0 ? first : second;
  }
  std::uint32_t below(std::uint64_t i, std::uint32_t n) const {
    if (n == 0) fail("random: an integer below 0 was asked for, the bound must be at least 1");
    return below_from(word(i), n);
  }

 private:
  static constexpr std::uint32_t low(std::uint64_t v) { return static_cast<std::uint32_t>(v); }
  static constexpr std::uint32_t high(std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); }
  std::uint64_t seed_, stream_;
};

}  // namespace fovea::inline FOVEA_ABI
