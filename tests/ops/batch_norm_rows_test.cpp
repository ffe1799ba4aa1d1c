// The kernel rows of batch norm in training, and their vector bodies on the plain wrapper, against the reference
// kernels: random sizes, small integers, the same bits; and the same bits at any width and thread count for fractions.
#include <fovea/core/parallel_for.h>
#include <fovea/cpu/channel_dot/table.h>
#include <fovea/cpu/norm_grad/table.h>
#include <fovea/cpu/simd/plain.h>
#include <support/rows.h>

namespace fovea::inline FOVEA_ABI::cpu::batch_plain4 {
using simd = PlainSimd<4>;
#include <fovea/cpu/channel_dot/body.inc>
#include <fovea/cpu/norm_grad/body.inc>
}  // namespace fovea::inline FOVEA_ABI::cpu::batch_plain4
namespace fovea::inline FOVEA_ABI::cpu::batch_plain16 {
using simd = PlainSimd<16>;
#include <fovea/cpu/channel_dot/body.inc>
#include <fovea/cpu/norm_grad/body.inc>
}  // namespace fovea::inline FOVEA_ABI::cpu::batch_plain16

namespace {
using namespace fovea;
using test::integers;
using test::Random;
using Dots = ChannelDotArgs<float>;

std::vector<Kernel<Dots>> dot_rows() {
  using namespace cpu;
  return test::with_plain<Dots>({{"plain4", Isa::scalar, accepts_all, channel_dot<batch_plain4::channel_dot_slice>},
                                 {"plain16", Isa::scalar, accepts_all, channel_dot<batch_plain16::channel_dot_slice>}});
}

// sum, then dot.
std::vector<double> run_dots(const Kernel<Dots>& row, Dots args) {
  const auto channels = static_cast<std::size_t>(args.channels);
  std::vector<double> out(2 * channels, -1);
  args.sum = out.data(), args.dot = out.data() + channels;
  row.run(args);
  return out;
}
}  // namespace

TEST_CASE("every row of the sums of batch norm equals the reference on small integers") {
  Random random(test::seed());
  const std::vector<Kernel<Dots>> rows = dot_rows();
  for (int i = 0; i < (test::full() ? 500 : 60); ++i) {
    const std::int64_t channels = random.between(1, 40);
    // Blocks have 64 pixels, slices more: none, parts of one, and many.
    const std::int64_t pixels = i % 7 == 0 ? random.between(4000, 9000) : random.between(0, 200);
    const auto a = integers(random, pixels * channels), b = integers(random, pixels * channels);
    const auto shift = integers(random, 2 * channels, -3, 3);
    const Dots args = {.pixels = pixels,
                       .channels = channels,
                       .a = a.data(),
                       .b = i % 2 ? a.data() : b.data(),
                       .a_shift = shift.data(),
                       .b_shift = shift.data() + channels};
    const std::vector<double> wanted = run_dots(kernels<Dots>(Device::cpu).back(), args);
    for (const Kernel<Dots>& row : rows) {
      INFO("seed " << test::seed() << ", " << row.name << ": " << to_text(args));
      REQUIRE(run_dots(row, args) == wanted);
    }
  }
}

TEST_CASE("the sums of batch norm have the same bits at any width and thread count") {
  Random random(test::seed());
  const std::int64_t pixels = 5000, channels = 37;
  auto a = integers(random, pixels * channels, -1000, 1000);
  for (float& v : a) v *= 0.3f;
  const auto shift = integers(random, channels);
  const Dots args = {.pixels = pixels,
                     .channels = channels,
                     .a = a.data(),
                     .b = a.data(),
                     .a_shift = shift.data(),
                     .b_shift = shift.data()};
  const std::vector<Kernel<Dots>> rows = dot_rows();
  const std::vector<double> wanted = run_dots(rows.front(), args);
  for (const int threads : {1, 2, 7}) {
    set_thread_count(threads);
    for (const Kernel<Dots>& row : rows) {
      INFO(row.name << ", " << threads << " threads");
      if (std::string_view(row.name) == "channel_dot_f32_reference") continue;  // sums in double all the way
      CHECK(run_dots(row, args) == wanted);
    }
  }
  set_thread_count(0);
}

TEST_CASE("every row of the gradient of batch norm equals the reference on small integers") {
  using Args = NormGradArgs<float>;
  using namespace cpu;
  const auto rows = test::with_plain<Args>({{"plain4", Isa::scalar, accepts_all, split<batch_plain4::norm_grad>},
                                            {"plain16", Isa::scalar, accepts_all, split<batch_plain16::norm_grad>}});
  Random random(test::seed());
  int compared = 0;
  for (int i = 0; i < (test::full() ? 500 : 100); ++i) {
    const std::int64_t channels = random.between(1, 40), pixels = random.between(0, 50), count = pixels * channels;
    const auto dy = integers(random, count), x = integers(random, count), v = integers(random, 4 * channels);
    const Args args = {.pixels = pixels,
                       .channels = channels,
                       .dy = dy.data(),
                       .x = x.data(),
                       .scale = v.data(),
                       .mean = v.data() + channels,
                       .slope = v.data() + 2 * channels,
                       .shift = v.data() + 3 * channels};
    compared += test::compare_rows(rows, args, count, &Args::dx);
  }
  REQUIRE(compared >= 300);
}
