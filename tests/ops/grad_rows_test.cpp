// Every kernel row of the gradients of activations and pools, and their vector bodies on the plain wrapper, against the
// reference kernel: random sizes, small integers, the same bits. And the same bits at any thread count.
#include <cmath>
#include <functional>
#include <limits>
#include <string_view>

#include <fovea/core/parallel_for.h>
#include <fovea/core/tape.h>
#include <fovea/cpu/pointwise_grad/table.h>
#include <fovea/cpu/pool/table.h>
#include <fovea/cpu/pool_grad/table.h>
#include <fovea/cpu/simd/plain.h>
#include <fovea/ops.h>
#include <support/reference.h>
#include <support/rows.h>

namespace fovea::inline FOVEA_ABI::cpu::grad_plain4 {
using simd = PlainSimd<4>;
#include <fovea/cpu/pointwise/body.inc>
#include <fovea/cpu/pointwise_grad/body.inc>
#include <fovea/cpu/pool/body.inc>
#include <fovea/cpu/pool_grad/body.inc>
}  // namespace fovea::inline FOVEA_ABI::cpu::grad_plain4
namespace fovea::inline FOVEA_ABI::cpu::grad_plain8 {
using simd = PlainSimd<8>;
#include <fovea/cpu/pointwise/body.inc>
#include <fovea/cpu/pointwise_grad/body.inc>
#include <fovea/cpu/pool/body.inc>
#include <fovea/cpu/pool_grad/body.inc>
}  // namespace fovea::inline FOVEA_ABI::cpu::grad_plain8
namespace fovea::inline FOVEA_ABI::cpu::grad_plain16 {
using simd = PlainSimd<16>;
#include <fovea/cpu/pointwise/body.inc>
#include <fovea/cpu/pointwise_grad/body.inc>
#include <fovea/cpu/pool/body.inc>
#include <fovea/cpu/pool_grad/body.inc>
}  // namespace fovea::inline FOVEA_ABI::cpu::grad_plain16

namespace {
using namespace fovea;
using test::compare_rows;
using test::integers;
using test::Random;
using test::run_row;
using test::same_bits;

int cases() { return test::full() ? 2000 : 200; }

std::vector<Kernel<PointwiseGradArgs<float>>> pointwise_grad_rows() {
  using namespace cpu;
  return test::with_plain<PointwiseGradArgs<float>>(
      {{"plain4", Isa::scalar, grad_plain4::pointwise_grad_accepts, split<grad_plain4::pointwise_grad>},
       {"plain8", Isa::scalar, grad_plain8::pointwise_grad_accepts, split<grad_plain8::pointwise_grad>},
       {"plain16", Isa::scalar, grad_plain16::pointwise_grad_accepts, split<grad_plain16::pointwise_grad>}});
}

std::vector<Kernel<PoolArgs<float>>> pool_rows() {
  using namespace cpu;
  return test::with_plain<PoolArgs<float>>(
      {{"plain4", Isa::scalar, grad_plain4::pool_accepts, split<grad_plain4::pool>},
       {"plain8", Isa::scalar, grad_plain8::pool_accepts, split<grad_plain8::pool>},
       {"plain16", Isa::scalar, grad_plain16::pool_accepts, split<grad_plain16::pool>}});
}

std::vector<Kernel<PoolGradArgs<float>>> pool_grad_rows() {
  using namespace cpu;
  return test::with_plain<PoolGradArgs<float>>(
      {{"plain4", Isa::scalar, grad_plain4::pool_grad_accepts, split<grad_plain4::pool_grad>},
       {"plain8", Isa::scalar, grad_plain8::pool_grad_accepts, split<grad_plain8::pool_grad>},
       {"plain16", Isa::scalar, grad_plain16::pool_grad_accepts, split<grad_plain16::pool_grad>}});
}

// Windows of a random pool of `shape`: sliding or adaptive.
detail::PoolGeometry random_geometry(Random& random, const Shape& shape, bool dilated) {
  const Tensor<float> x(shape);
  if (random.between(0, 2) == 0)
    return detail::adaptive_geometry("test", x, {random.between(1, 9), random.between(1, 9)});
  Window w;
  w.kernel_size = {random.between(1, 4), random.between(1, 4)};
  w.stride = {random.between(1, 4), random.between(1, 4)};
  if (dilated && random.between(0, 2) == 0) w.dilation = {2, 2};
  const auto side = [&](std::int64_t kernel, std::int64_t dilation) {
    return random.between(0, (kernel - 1) * dilation);
  };
  w.padding = {side(w.kernel_size.h, w.dilation.h), side(w.kernel_size.h, w.dilation.h),
               side(w.kernel_size.w, w.dilation.w), side(w.kernel_size.w, w.dilation.w)};
  const std::int64_t h = shape[1] + w.padding.top + w.padding.bottom, v = shape[2] + w.padding.left + w.padding.right;
  if (window_extent(w.kernel_size.h, w.dilation.h) > h || window_extent(w.kernel_size.w, w.dilation.w) > v)
    return detail::adaptive_geometry("test", x, 1);
  return detail::sliding_geometry("test", x, w, random.between(0, 1) == 1, random.between(0, 1) == 1);
}

Shape random_maps(Random& random) {
  return {random.between(0, 2), random.between(1, 9), random.between(1, 9), random.between(1, 150)};
}
}  // namespace

TEST_CASE("every row of an activation's gradient equals the reference bit for bit") {
  const auto rows = pointwise_grad_rows();
  const Activation functions[] = {Activation::relu,        Activation::relu6,    Activation::leaky_relu,
                                  Activation::hardsigmoid, Activation::sigmoid,  Activation::tanh,
                                  Activation::hardtanh,    Activation::hardswish};
  Random random(test::seed());
  int compared = 0;
  for (int i = 0; i < cases(); ++i) {
    const std::int64_t n = random.between(0, 100);
    std::vector<float> kept = integers(random, n);
    const std::vector<float> dy = integers(random, n);
    const float special[] = {-0.f, std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                             1e-40f};
    PointwiseGradArgs<float> args = {.slope = -2, .limit = 3, .count = n, .kept = kept.data(), .dy = dy.data()};
    args.function = functions[random.between(0, 7)];
    const bool piecewise = args.function != Activation::sigmoid && args.function != Activation::tanh;
    if (n > 0 && piecewise) kept[static_cast<std::size_t>(random.between(0, n - 1))] = special[random.between(0, 3)];
    compared += compare_rows(rows, args, n, &PointwiseGradArgs<float>::dx);
  }
  REQUIRE(compared >= 4 * cases());
}

TEST_CASE("silu's gradient rows are within 4 units of 1 of the reference, with the same bits at every width") {
  using Args = PointwiseGradArgs<float>;
  const auto rows = pointwise_grad_rows();
  std::vector<float> x;
  for (float v = -90.f; v <= 90.f; v += test::full() ? 0.0001f : 0.013f) x.push_back(v);
  const std::vector<float> dy(x.size(), 1.f);
  const Args args = {
      .function = Activation::silu, .count = static_cast<std::int64_t>(x.size()), .kept = x.data(), .dy = dy.data()};
  const std::vector<float> wanted = run_row(kernels<Args>(Device::cpu).back(), args, args.count, &Args::dx);
  const std::vector<float> first = run_row(rows.front(), args, args.count, &Args::dx);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    INFO("silu' of " << x[i]);
    const double error = std::abs(static_cast<double>(first[i]) - static_cast<double>(wanted[i]));
    REQUIRE(error <= 4 * 0x1p-23);
    worst = std::max(worst, error);
  }
  REQUIRE(worst > 0);  // the reference is no vector row
  for (const Kernel<Args>& row : rows) {
    INFO(row.name);
    REQUIRE((row.run == kernels<Args>(Device::cpu).back().run ||
             same_bits(run_row(row, args, args.count, &Args::dx), first)));
  }
}

TEST_CASE("every row of the maximum finds the place of the reference, also among equal values and NaN") {
  using Args = PoolArgs<float>;
  const auto rows = pool_rows();
  Random random(test::seed());
  for (int i = 0; i < cases(); ++i) {
    const Shape shape = random_maps(random);
    const detail::PoolGeometry g = random_geometry(random, shape, true);
    std::vector<float> values = integers(random, shape.numel(), -2, 2);
    const float special[] = {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity(), -0.f};
    for (float& v : values)
      if (random.between(0, 9) == 0) v = special[random.between(0, 2)];
    const Tensor<float> x(shape, std::span<const float>(values));
    Args args = detail::pool_args(x, PoolKind::max, g);
    const std::int64_t count = detail::pooled_shape(x, g).numel();
    std::vector<std::int32_t> wanted(static_cast<std::size_t>(count) + 1, -7), found = wanted;
    args.index = wanted.data();
    const std::vector<float> y = run_row(kernels<Args>(Device::cpu).back(), args, count);
    for (const Kernel<Args>& row : rows) {
      args.index = found.data();
      INFO("seed " << test::seed() << ", " << row.name << ": " << to_text(args));
      REQUIRE(same_bits(run_row(row, args, count), y));
      REQUIRE(found == wanted);
    }
  }
}

TEST_CASE("every row of a pool's gradient equals the reference bit for bit") {
  using Args = PoolGradArgs<float>;
  const auto rows = pool_grad_rows();
  Random random(test::seed());
  for (int i = 0; i < cases(); ++i) {
    const Shape shape = random_maps(random);
    const PoolKind kind = random.between(0, 1) ? PoolKind::max : PoolKind::average;
    detail::PoolGeometry g = random_geometry(random, shape, kind == PoolKind::max);
    // Powers of two, so that sums of quotients are exact.
    for (auto* spans : {&g.rows, &g.columns})
      for (PoolSpan& s : *spans) s.count = std::int64_t{1} << random.between(0, random.between(0, 2));
    if (random.between(0, 3) == 0) g.divisor = 8;
    const std::vector<float> values = integers(random, shape.numel());
    const Tensor<float> x(shape, std::span<const float>(values));
    const Tensor<std::int32_t> index = detail::pool_index("test", x, g);
    detail::pool_values(x, PoolKind::max, g, index.shape(), index);
    const std::vector<float> dy = integers(random, index.numel());
    const auto row_windows = detail::windows_over(shape[1], g.rows),
               column_windows = detail::windows_over(shape[2], g.columns);
    Args args = detail::pool_grad_args<float>(kind, shape, g, row_windows, column_windows);
    args.dy = dy.data(), args.index = index.data();
    compare_rows(rows, args, shape.numel(), &Args::dx);
  }
}

// Where its windows have one divisor, a row adds integers and divides once: the exact quotient, rounded. The reference
// adds quotients in double, which rounds to the same but where the sum is 0.
TEST_CASE("an average's gradient by one odd divisor is the reference's but for its residue at 0") {
  using Args = PoolGradArgs<float>;
  Random random(test::seed());
  for (const std::int64_t channels : {1, 16, 70}) {
    const Shape shape{2, 7, 7, channels};
    const detail::PoolGeometry g = detail::sliding_geometry("test", Tensor<float>(shape), {3, 1, 1, 0}, false, true);
    const std::vector<float> dy = integers(random, 2 * 5 * 5 * channels);
    const auto windows = detail::windows_over(7, g.rows);
    Args args = detail::pool_grad_args<float>(PoolKind::average, shape, g, windows, windows);
    args.dy = dy.data();
    const std::vector<float> wanted = run_row(kernels<Args>(Device::cpu).back(), args, shape.numel(), &Args::dx);
    for (const Kernel<Args>& row : pool_grad_rows()) {
      const std::vector<float> found = run_row(row, args, shape.numel(), &Args::dx);
      INFO("seed " << test::seed() << ", " << row.name << ": " << to_text(args));
      for (std::size_t i = 0; i < found.size(); ++i)
        REQUIRE((found[i] == wanted[i] || (found[i] == 0 && std::abs(wanted[i]) < 1e-15f)));
    }
  }
}

TEST_CASE("gradients have the same bits with 1, 2 and 7 threads") {
  Random random(test::seed());
  const auto noise = [&](const Shape& shape) {
    Tensor<float> t(shape);
    for (float& v : t.mutable_values()) v = static_cast<float>(random.between(-1000, 1000)) * 0.0137f;
    return t;
  };
  const Tensor<float> x = noise({2, 37, 41, 19}), weight = noise({19});
  using Ops = std::vector<std::pair<const char*, std::function<Tensor<float>(const Tensor<float>&)>>>;
  using X = const Tensor<float>&;
  const Ops ops = {
      {"relu6", [](X v) { return relu6(v); }},
      {"silu", [](X v) { return silu(v); }},
      {"gelu", [](X v) { return gelu(v); }},
      {"prelu", [&](X v) { return prelu(v, weight); }},
      {"softmax", [](X v) { return softmax(v, 1); }},
      {"logsumexp", [](X v) { return logsumexp(v); }},
      {"max_pool2d", [](X v) { return max_pool2d(v, {.kernel_size = 3, .stride = 2, .padding = 1}); }},
      {"avg_pool2d",
       [](X v) { return avg_pool2d(v, {.kernel_size = 5, .stride = 1, .padding = 2, .count_include_pad = false}); }},
      {"adaptive_avg_pool2d",
       [](X v) {
         return adaptive_avg_pool2d(v, {5, 7});
       }},
      {"global_avg_pool", [](X v) { return global_avg_pool(v); }},
      {"gem_pool", [](X v) { return gem_pool(v); }},
      {"interpolate",
       [](X v) {
         return interpolate(v, {.size = {50, 60}, .mode = InterpolateMode::bicubic});
       }},
      {"pad", [](X v) { return pad(v, 3, PadMode::reflect); }},
  };
  const int before = thread_count();
  for (const Isa isa : test::caps()) {
    const test::CapIsa cap(isa);
    for (const auto& [name, f] : ops) {
      const Tensor<float> dy = noise(f(x).shape());
      const auto gradients = [&, &name = name, &f = f](int threads) {
        set_thread_count(threads);
        const bool weighted = std::string_view(name) == "prelu";
        Tape tape{x};
        if (weighted) tape.watch(weight);
        const Tensor<float> y = f(x);
        Gradients g = tape.backward(y, dy);
        std::vector<float> all(g.of(x).values().begin(), g.of(x).values().end());
        if (weighted) all.insert(all.end(), g.of(weight).values().begin(), g.of(weight).values().end());
        return all;
      };
      const std::vector<float> wanted = gradients(1);
      for (const int threads : {2, 7}) {
        INFO(name << ", " << threads << " threads, cap " << name_of(isa));
        REQUIRE(same_bits(gradients(threads), wanted));
      }
    }
  }
  set_thread_count(before);
}
