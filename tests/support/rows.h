// Comparing kernel rows: each row of a table that this machine can run, and the vector bodies on plain vectors, against
// the reference kernel, bit for bit.
#pragma once

#include <cstring>
#include <initializer_list>
#include <vector>

#include <fovea/core/registry.h>
#include <support/catch.h>
#include <support/support.h>

namespace fovea::test {

// The rows of the table that this machine can run, and the bodies on plain vectors.
template <class Args>
std::vector<Kernel<Args>> with_plain(std::initializer_list<Kernel<Args>> plain) {
  std::vector<Kernel<Args>> rows(plain);
  for (const Kernel<Args>& row : kernels<Args>(Device::cpu))
    if (cpu_has(row.needs)) rows.push_back(row);
  return rows;
}

// What `row` writes to `out`, between guards that must stay as they are.
template <class Args>
std::vector<float> run_row(const Kernel<Args>& row, Args args, std::int64_t count, float* Args::*out = &Args::y) {
  constexpr std::size_t kGuard = 32;
  std::vector<float> y(static_cast<std::size_t>(count) + 2 * kGuard, -77.f);
  args.*out = y.data() + kGuard;
  row.run(args);
  for (std::size_t i = 0; i < kGuard; ++i) REQUIRE((y[i] == -77.f && y[y.size() - 1 - i] == -77.f));
  return {y.begin() + kGuard, y.end() - kGuard};
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

// Compares all rows that accept; returns how many did.
template <class Args>
int compare_rows(const std::vector<Kernel<Args>>& rows, const Args& args, std::int64_t count,
                 float* Args::*out = &Args::y) {
  const std::vector<float> wanted = run_row(kernels<Args>(Device::cpu).back(), args, count, out);
  int compared = 0;
  for (const Kernel<Args>& row : rows) {
    if (!row.accepts(args)) continue;
    INFO("seed " << seed() << ", " << row.name << ": " << to_text(args));
    REQUIRE(same_bits(run_row(row, args, count, out), wanted));
    ++compared;
  }
  return compared;
}

inline std::vector<float> integers(Random& random, std::int64_t n, std::int64_t low = -9, std::int64_t high = 9) {
  std::vector<float> v(static_cast<std::size_t>(n));
  for (float& x : v) x = static_cast<float>(random.between(low, high));
  return v;
}

}  // namespace fovea::test
