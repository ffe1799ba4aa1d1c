// Every kernel row, and every vector body on the plain wrapper, against the reference kernel: random sizes, small
// integers (so that sums are exact), the same bits. And the same bits at any thread count.
#include <cstring>
#include <limits>
#include <sstream>

#include <fovea/core/parallel_for.h>
#include <fovea/cpu/binary/table.h>
#include <fovea/cpu/pointwise/table.h>
#include <fovea/cpu/pool/table.h>
#include <fovea/cpu/scale_shift/table.h>
#include <fovea/cpu/simd/plain.h>
#include <fovea/ops.h>
#include <support/reference.h>
#include <support/rows.h>

namespace fovea::inline FOVEA_ABI::cpu::plain4 {
using simd = PlainSimd<4>;
#include <fovea/cpu/binary/body.inc>
#include <fovea/cpu/pointwise/body.inc>
#include <fovea/cpu/pool/body.inc>
#include <fovea/cpu/scale_shift/body.inc>
}  // namespace fovea::inline FOVEA_ABI::cpu::plain4
namespace fovea::inline FOVEA_ABI::cpu::plain8 {
using simd = PlainSimd<8>;
#include <fovea/cpu/binary/body.inc>
#include <fovea/cpu/pointwise/body.inc>
#include <fovea/cpu/pool/body.inc>
#include <fovea/cpu/scale_shift/body.inc>
}  // namespace fovea::inline FOVEA_ABI::cpu::plain8
namespace fovea::inline FOVEA_ABI::cpu::plain16 {
using simd = PlainSimd<16>;
#include <fovea/cpu/binary/body.inc>
#include <fovea/cpu/pointwise/body.inc>
#include <fovea/cpu/pool/body.inc>
#include <fovea/cpu/scale_shift/body.inc>
}  // namespace fovea::inline FOVEA_ABI::cpu::plain16

namespace {
using namespace fovea;
using test::compare_rows;
using test::integers;
using test::Random;
using test::run_row;
using test::same_bits;
using test::with_plain;

std::vector<Kernel<PointwiseArgs<float>>> pointwise_rows() {
  using Args = PointwiseArgs<float>;
  return with_plain<Args>(
      {{"pointwise_plain4", Isa::scalar, cpu::plain4::pointwise_accepts, cpu::split<cpu::plain4::pointwise>},
       {"pointwise_plain8", Isa::scalar, cpu::plain8::pointwise_accepts, cpu::split<cpu::plain8::pointwise>},
       {"pointwise_plain16", Isa::scalar, cpu::plain16::pointwise_accepts, cpu::split<cpu::plain16::pointwise>}});
}

int cases() { return test::full() ? 2000 : 200; }
}  // namespace

TEST_CASE("every activation row equals the reference bit for bit") {
  using Args = PointwiseArgs<float>;
  const auto rows = pointwise_rows();
  Random random(test::seed());
  int compared = 0;
  for (int i = 0; i < cases(); ++i) {
    const std::int64_t n = random.between(0, 100);
    std::vector<float> x = integers(random, n);
    const float special[] = {-0.f, std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                             1e-40f};
    if (n > 0) x[static_cast<std::size_t>(random.between(0, n - 1))] = special[random.between(0, 3)];
    Args args = {.slope = 0.01f, .count = n, .x = x.data()};
    args.function = static_cast<Activation>(random.between(1, 5));
    if (args.function == Activation::hardswish)  // -inf * 0 is a NaN, whose sign is the machine's
      std::replace(x.begin(), x.end(), -std::numeric_limits<float>::infinity(), -3.f);
    compared += compare_rows(rows, args, n);
  }
  REQUIRE(compared >= 4 * cases());
}

TEST_CASE("sigmoid and silu rows are within 4 units of the reference, with the same bits at every width") {
  using Args = PointwiseArgs<float>;
  const auto rows = pointwise_rows();
  std::vector<float> x;
  for (float v = -90.f; v <= 90.f; v += test::full() ? 0.0001f : 0.013f) x.push_back(v);
  for (const float v : {0.f, -0.f, 1e-30f, -1e-30f, 1e30f, std::numeric_limits<float>::infinity()}) x.push_back(v);
  for (const Activation f : {Activation::sigmoid, Activation::silu}) {
    const Args args = {.function = f, .count = static_cast<std::int64_t>(x.size()), .x = x.data()};
    const std::vector<float> wanted = run_row(kernels<Args>(Device::cpu).back(), args, args.count);
    const std::vector<float> first = run_row(rows.front(), args, args.count);
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double unit = std::max(0x1p-126, std::abs(static_cast<double>(wanted[i]))) * 0x1p-23;
      const double error =
          wanted[i] == first[i] ? 0 : std::abs(static_cast<double>(first[i]) - static_cast<double>(wanted[i]));
      if (x[i] > -87.f) worst = std::max(worst, error / unit);  // below, the exponential is flushed to 0
      INFO(name_of(f) << " of " << x[i]);
      REQUIRE(error <= std::max(4 * unit, x[i] > -87.f ? 0 : 1.2e-38 * 90));
    }
    INFO(name_of(f) << ": worst error " << worst << " units");
    REQUIRE(worst > 0);  // the reference is no vector row
    for (const Kernel<Args>& row : rows) {
      INFO(row.name);
      REQUIRE((row.run == kernels<Args>(Device::cpu).back().run || same_bits(run_row(row, args, args.count), first)));
    }
  }
}

TEST_CASE("every arithmetic row equals the reference bit for bit") {
  using Args = BinaryArgs<float>;
  const auto rows = with_plain<Args>(
      {{"binary_plain4", Isa::scalar, cpu::plain4::binary_accepts, cpu::split<cpu::plain4::binary>},
       {"binary_plain8", Isa::scalar, cpu::plain8::binary_accepts, cpu::split<cpu::plain8::binary>},
       {"binary_plain16", Isa::scalar, cpu::plain16::binary_accepts, cpu::split<cpu::plain16::binary>}});
  Random random(test::seed());
  int compared = 0;
  for (int i = 0; i < cases(); ++i) {
    std::array<std::int64_t, 4> size{};
    for (std::int64_t& s : size) s = random.between(random.between(0, 19) ? 1 : 0, 7);
    size[3] = random.between(1, 40);
    const auto operand = [&] {
      std::array<std::int64_t, 4> s = size;
      for (std::int64_t& v : s) v = random.between(0, 2) ? v : 1;
      return Shape(std::span<const std::int64_t>(s));
    };
    const Shape a = operand(), b = operand(), y = broadcast_shapes("test", a, b);
    const std::vector<float> va = integers(random, a.numel()), vb = integers(random, b.numel(), 1, 9);
    Args args = {.op = static_cast<BinaryOp>(random.between(0, 3)), .a = va.data(), .b = vb.data()};
    detail::set_broadcast(args, a, b, y);
    compared += compare_rows(rows, args, y.numel());
  }
  REQUIRE(compared >= 3 * cases());
}

TEST_CASE("every scale and shift row equals the reference bit for bit") {
  using Args = ScaleShiftArgs<float>;
  const auto rows =
      with_plain<Args>({{"scale_shift_plain4", Isa::scalar, accepts_all, cpu::split<cpu::plain4::scale_shift>},
                        {"scale_shift_plain8", Isa::scalar, accepts_all, cpu::split<cpu::plain8::scale_shift>},
                        {"scale_shift_plain16", Isa::scalar, accepts_all, cpu::split<cpu::plain16::scale_shift>}});
  Random random(test::seed());
  for (int i = 0; i < cases(); ++i) {
    const std::int64_t pixels = random.between(0, 9), channels = random.between(1, 70);
    const std::vector<float> x = integers(random, pixels * channels), scale = integers(random, channels),
                             shift = integers(random, channels);
    const Args args = {
        .pixels = pixels, .channels = channels, .x = x.data(), .scale = scale.data(), .shift = shift.data()};
    compare_rows(rows, args, pixels * channels);
  }
}

TEST_CASE("every pool row equals the reference bit for bit") {
  using Args = PoolArgs<float>;
  const auto rows = with_plain<Args>({{"pool_plain4", Isa::scalar, accepts_all, cpu::split<cpu::plain4::pool>},
                                      {"pool_plain8", Isa::scalar, accepts_all, cpu::split<cpu::plain8::pool>},
                                      {"pool_plain16", Isa::scalar, accepts_all, cpu::split<cpu::plain16::pool>}});
  Random random(test::seed());
  for (int i = 0; i < cases(); ++i) {
    Args args = {.kind = static_cast<PoolKind>(random.between(0, 1))};
    args.batch = random.between(0, 2), args.channels = random.between(1, 150);
    args.height = random.between(1, 9), args.width = random.between(1, 9);
    // Any spans will do; some are empty, as where a dilated window meets only padding.
    const auto spans = [&](std::int64_t in) {
      std::vector<PoolSpan> s(static_cast<std::size_t>(random.between(1, 5)));
      for (PoolSpan& p : s) {
        p.begin = random.between(0, in), p.end = random.between(p.begin, in);
        p.count = random.between(1, 9);
      }
      return s;
    };
    const std::vector<PoolSpan> r = spans(args.height), c = spans(args.width);
    args.rows = r.data(), args.columns = c.data();
    args.out_height = static_cast<std::int64_t>(r.size()), args.out_width = static_cast<std::int64_t>(c.size());
    args.step_h = random.between(1, 2), args.step_w = random.between(1, 2);
    args.divisor = random.between(0, 3) ? 0 : random.between(1, 9);
    const std::vector<float> x = integers(random, args.batch * args.height * args.width * args.channels);
    args.x = x.data();
    compare_rows(rows, args, args.batch * args.out_height * args.out_width * args.channels);
  }
}

TEST_CASE("ops give the same bits with 1, 2 and 7 threads") {
  Random random(test::seed());
  const auto noise = [&](const Shape& shape) {
    Tensor<float> t(shape);
    for (float& v : t.mutable_values()) v = static_cast<float>(random.between(-1000, 1000)) * 0.0137f;
    return t;
  };
  const Tensor<float> x = noise({2, 37, 41, 19}), y = noise({2, 37, 41, 19}), c = noise({19}), a = noise({70, 90}),
                      b = noise({90, 80});
  const Tensor<float> one({19}, 1.f);
  const std::vector<std::function<Tensor<float>()>> ops = {
      [&] { return relu6(x); },
      [&] { return gelu(x); },
      [&] { return silu(x); },
      [&] { return add(x, y); },
      [&] { return mul(x, c); },
      [&] { return batch_norm(x, c, one, one, c, 1e-5); },
      [&] { return max_pool2d(x, {.kernel_size = 3, .stride = 2, .padding = 1}); },
      [&] { return avg_pool2d(x, {.kernel_size = 5, .stride = 1, .padding = 2}); },
      [&] { return global_avg_pool(x); },
      [&] {
        return interpolate(x, {.size = {50, 60}, .mode = InterpolateMode::bilinear});
      },
      [&] { return softmax(x, 1); },
      [&] { return matmul(a, b); },
      [&] { return pad(x, 3, PadMode::reflect); },
      [&] {
        return concat({x, y}, 3);
      },
  };
  const int before = thread_count();
  for (const Isa isa : test::caps()) {
    const test::CapIsa cap(isa);
    for (std::size_t i = 0; i < ops.size(); ++i) {
      set_thread_count(1);
      const Tensor<float> wanted = ops[i]();
      for (const int threads : {2, 7}) {
        set_thread_count(threads);
        const Tensor<float> found = ops[i]();
        INFO("op " << i << ", " << threads << " threads, cap " << name_of(isa));
        REQUIRE(std::memcmp(found.data(), wanted.data(), static_cast<std::size_t>(wanted.numel()) * sizeof(float)) ==
                0);
      }
    }
  }
  set_thread_count(before);
}

TEST_CASE("kernel arguments print the op, the type and the sizes") {
  REQUIRE(to_text(PointwiseArgs<bf16>{.function = Activation::relu6, .count = 12}) == "relu6 bfloat16 12");
  REQUIRE(
      to_text(PoolArgs<float>{.batch = 1, .height = 4, .width = 5, .channels = 6, .out_height = 2, .out_width = 3}) ==
      "max pool float32 1x4x5x6 to 2x3");
  BinaryArgs<float> args;
  detail::set_broadcast(args, {2, 3, 4, 5}, {2, 1, 1, 5}, {2, 3, 4, 5});
  REQUIRE(to_text(args) == "add float32 2x12x5, strides of a 60x5x1, of b 5x0x1");
}
