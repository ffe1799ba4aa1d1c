// The rows of layer norm and its gradients, and their bodies on the plain wrapper: the same bits at every width, the
// reference's where everything is exact, and within a few units of it elsewhere.
#include <cmath>

#include <fovea/cpu/layer_norm/table.h>
#include <fovea/cpu/simd/plain.h>
#include <support/rows.h>

namespace fovea::inline FOVEA_ABI::cpu::norm_plain4 {
using simd = PlainSimd<4>;
#include <fovea/cpu/layer_norm/body.inc>
}  // namespace fovea::inline FOVEA_ABI::cpu::norm_plain4
namespace fovea::inline FOVEA_ABI::cpu::norm_plain8 {
using simd = PlainSimd<8>;
#include <fovea/cpu/layer_norm/body.inc>
}  // namespace fovea::inline FOVEA_ABI::cpu::norm_plain8
namespace fovea::inline FOVEA_ABI::cpu::norm_plain16 {
using simd = PlainSimd<16>;
#include <fovea/cpu/layer_norm/body.inc>
}  // namespace fovea::inline FOVEA_ABI::cpu::norm_plain16

namespace {
using namespace fovea;
using test::integers;
using test::Random;
using test::run_row;
using test::same_bits;

int cases() { return test::full() ? 500 : 100; }

// Everything that the three kernels read and write, for one shape.
struct Work {
  std::int64_t rows, length;
  std::vector<float> x, dy, weight, bias;
  std::vector<double> mean, inverse;

  Work(Random& random, std::int64_t rows_, std::int64_t length_)
      : rows(rows_),
        length(length_),
        x(integers(random, rows * length)),
        dy(integers(random, rows * length)),
        weight(integers(random, length)),
        bias(integers(random, length)),
        mean(static_cast<std::size_t>(rows)),
        inverse(mean.size()) {}

  LayerNormArgs<float> forward(double eps) {
    return {.rows = rows,
            .length = length,
            .eps = eps,
            .x = x.data(),
            .weight = weight.data(),
            .bias = bias.data(),
            .mean = mean.data(),
            .inverse = inverse.data()};
  }
  LayerNormGradArgs<float> backward() const {
    return {.rows = rows,
            .length = length,
            .x = x.data(),
            .dy = dy.data(),
            .weight = weight.data(),
            .mean = mean.data(),
            .inverse = inverse.data()};
  }
  LayerNormSumArgs<float> sums() const {
    return {
        .rows = rows, .length = length, .x = x.data(), .dy = dy.data(), .mean = mean.data(), .inverse = inverse.data()};
  }
  // Rows whose mean is an integer and whose deviation is a power of two, so that every step is exact.
  void make_exact(Random& random) {
    for (std::int64_t r = 0; r < rows; ++r) {
      const auto mean_of_row = static_cast<float>(random.between(-8, 8));
      const auto deviation = static_cast<float>(1 << random.between(0, 3));
      for (std::int64_t c = 0; c < length; ++c)
        x[static_cast<std::size_t>(r * length + c)] = mean_of_row + ((c + r) % 2 ? deviation : -deviation);
    }
  }
};

// What a row of LayerNormSumArgs gives: dweight, then dbias.
std::vector<double> run_sums(const Kernel<LayerNormSumArgs<float>>& row, LayerNormSumArgs<float> args) {
  std::vector<double> out(static_cast<std::size_t>(2 * args.length), -77);
  args.dweight = out.data(), args.dbias = out.data() + args.length;
  row.run(args);
  return out;
}

template <class T>
double largest(const std::vector<T>& v) {
  double most = 0;
  for (const T x : v) most = std::max(most, std::abs(static_cast<double>(x)));
  return most;
}

// Each row of the table against `first` bit for bit and the reference within `tolerance` of the largest value, or of
// `size`, that of the terms whose sum it is.
template <class Args, class Run>
void compare(const std::vector<Kernel<Args>>& rows, const Args& args, double tolerance, double size, const Run& run) {
  const auto wanted = run(kernels<Args>(Device::cpu).back(), args), first = run(rows.front(), args);
  const double scale = std::max(size, largest(wanted));
  for (const Kernel<Args>& row : rows) {
    INFO("seed " << test::seed() << ", " << row.name << ": " << to_text(args));
    const auto found = run(row, args);
    REQUIRE(found.size() == wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      INFO("element " << i);
      if (row.run != kernels<Args>(Device::cpu).back().run) REQUIRE(found[i] == first[i]);
      if (std::abs(static_cast<double>(found[i]) - static_cast<double>(wanted[i])) > tolerance * scale)
        REQUIRE(found[i] == wanted[i]);
    }
  }
}

void compare_all(Work& work, double eps, double tolerance) {
  using namespace cpu;
  const auto forward =
      test::with_plain<LayerNormArgs<float>>({{"plain4", Isa::scalar, accepts_all, split<norm_plain4::layer_norm>},
                                              {"plain8", Isa::scalar, accepts_all, split<norm_plain8::layer_norm>},
                                              {"plain16", Isa::scalar, accepts_all, split<norm_plain16::layer_norm>}});
  const auto backward = test::with_plain<LayerNormGradArgs<float>>(
      {{"plain4", Isa::scalar, accepts_all, split<norm_plain4::layer_norm_grad>},
       {"plain8", Isa::scalar, accepts_all, split<norm_plain8::layer_norm_grad>},
       {"plain16", Isa::scalar, accepts_all, split<norm_plain16::layer_norm_grad>}});
  const auto sums = test::with_plain<LayerNormSumArgs<float>>(
      {{"plain4", Isa::scalar, accepts_all, layer_norm_sum<norm_plain4::layer_norm_sum_slice>},
       {"plain8", Isa::scalar, accepts_all, layer_norm_sum<norm_plain8::layer_norm_sum_slice>},
       {"plain16", Isa::scalar, accepts_all, layer_norm_sum<norm_plain16::layer_norm_sum_slice>}});
  const std::int64_t count = work.rows * work.length;
  compare(forward, work.forward(eps), tolerance, 1, [&](const auto& row, auto args) {
    std::vector<float> out = run_row(row, args, count);
    for (const double v : work.mean) out.push_back(static_cast<float>(v));
    for (const double v : work.inverse) out.push_back(static_cast<float>(v));
    return out;
  });
  (void)run_row(kernels<LayerNormArgs<float>>(Device::cpu).back(), work.forward(eps), count);  // the statistics
  // In a row of two the terms cancel all but eps.
  const double terms = largest(work.dy) * largest(work.weight) * largest(work.inverse);
  compare(backward, work.backward(), tolerance, std::max(1.0, terms),
          [&](const auto& row, auto args) { return run_row(row, args, count, &LayerNormGradArgs<float>::dx); });
  compare(sums, work.sums(), tolerance, 1, [](const auto& row, auto args) { return run_sums(row, args); });
}
}  // namespace

TEST_CASE("every row of layer norm has the bits of every other, and the reference's within rounding") {
  Random random(test::seed());
  for (int i = 0; i < cases(); ++i) {
    Work work(random, random.between(0, 70), random.between(1, 100));
    compare_all(work, 1e-5, 1e-6);
  }
  Work wide(random, 2, 5000);  // several spans of a row
  compare_all(wide, 1e-5, 1e-6);
}

TEST_CASE("every row of layer norm equals the reference bit for bit where all is exact") {
  Random random(test::seed());
  for (int i = 0; i < cases(); ++i) {
    // A power of two, so that the means are exact too.
    Work work(random, random.between(1, 70), std::int64_t{2} << random.between(0, 6));
    work.make_exact(random);
    compare_all(work, 0, 0);
  }
}
