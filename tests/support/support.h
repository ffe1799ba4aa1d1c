// What every test may use: the data folder, skips that are counted, reference cases, seeded small integers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::test {

// True if this machine has what `need` names: "data" (the shared data folder), "turbojpeg", "djxl" (the command), or a
// cap of FOVEA_CPU ("avx2", "avx512", ...). Otherwise the running test is written to the list of skips, and the test
// must return:
//   if (!needs("data")) return;
bool needs(std::string_view need);

// FOVEA_SHARED, or shared/ beside the checkout; its sub-folder data/ holds weights/, reference/, ...
std::filesystem::path shared_folder();
// A file below the shared data folder ("weights/efficientnet-lite0.pth").
std::filesystem::path shared_data(std::string_view relative);
// A file of the checkout ("tests/data/...", "examples/photos/chelsea.png").
std::filesystem::path source_file(std::string_view relative);

std::string read_text(const std::filesystem::path& path);
std::vector<std::uint8_t> read_bytes(const std::filesystem::path& path);

// The seed of sampled tests: FOVEA_SEED, or 1. Printed with every failure by the tests that use it.
std::uint64_t seed();

// True under `scripts/test --full` (FOVEA_FULL=1): sampled tests then run all their cases.
bool full();

// splitmix64: enough randomness for choosing shapes and values in tests.
class Random {
 public:
  explicit Random(std::uint64_t start) : state_(start) {}
  std::uint64_t next();
  // Uniform in [low, high], both ends included.
  std::int64_t between(std::int64_t low, std::int64_t high);

 private:
  std::uint64_t state_;
};

}  // namespace fovea::test
