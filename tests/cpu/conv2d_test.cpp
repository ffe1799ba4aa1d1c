// Every convolution row, and every body in its plain C++ form, against the reference kernel: small integers, so that
// all sums are exact and the outputs must be equal bit for bit.
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <fovea/core/parallel_for.h>
#include <fovea/cpu/conv2d/table.h>
#include <fovea/cpu/simd/plain.h>
#include <fovea/ops/conv2d.h>
#include <support/catch.h>
#include <support/support.h>

namespace fovea::inline FOVEA_ABI::cpu::plain8 {
using simd = PlainSimd<8>;
#include <fovea/cpu/conv2d/depthwise.inc>
#include <fovea/cpu/conv2d/direct.inc>
}  // namespace fovea::inline FOVEA_ABI::cpu::plain8
namespace fovea::inline FOVEA_ABI::cpu::plain16 {
using simd = PlainSimd<16>;
#include <fovea/cpu/conv2d/depthwise.inc>
#include <fovea/cpu/conv2d/direct.inc>
}  // namespace fovea::inline FOVEA_ABI::cpu::plain16
namespace fovea::inline FOVEA_ABI::cpu::plain4 {
using simd = PlainSimd<4>;
#include <fovea/cpu/conv2d/depthwise.inc>
#include <fovea/cpu/conv2d/direct.inc>
}  // namespace fovea::inline FOVEA_ABI::cpu::plain4

namespace {
using namespace fovea;
using Args = Conv2dArgs<float>;

// The kernel bodies compiled on the plain vectors, as rows that no table lists.
const Kernel<Args> kPlainRows[] = {
    {"direct_plain4", Isa::scalar, cpu::plain4::direct_accepts, cpu::plain4::direct_conv2d,
     cpu::plain4::direct_packed_bytes, cpu::plain4::direct_pack},
    {"depthwise_plain4", Isa::scalar, cpu::plain4::depthwise_accepts, cpu::plain4::depthwise_conv2d,
     cpu::plain4::depthwise_packed_bytes, cpu::plain4::depthwise_pack},
    {"direct_plain8", Isa::scalar, cpu::plain8::direct_accepts, cpu::plain8::direct_conv2d,
     cpu::plain8::direct_packed_bytes, cpu::plain8::direct_pack},
    {"depthwise_plain8", Isa::scalar, cpu::plain8::depthwise_accepts, cpu::plain8::depthwise_conv2d,
     cpu::plain8::depthwise_packed_bytes, cpu::plain8::depthwise_pack},
    {"direct_plain16", Isa::scalar, cpu::plain16::direct_accepts, cpu::plain16::direct_conv2d,
     cpu::plain16::direct_packed_bytes, cpu::plain16::direct_pack},
    {"depthwise_plain16", Isa::scalar, cpu::plain16::depthwise_accepts, cpu::plain16::depthwise_conv2d,
     cpu::plain16::depthwise_packed_bytes, cpu::plain16::depthwise_pack},
};

std::vector<Kernel<Args>> all_rows() {
  std::vector<Kernel<Args>> rows(std::begin(kPlainRows), std::end(kPlainRows));
  for (const Kernel<Args>& row : kernels<Args>(Device::cpu))
    if (cpu_has(row.needs)) rows.push_back(row);
  return rows;
}

// A convolution in memory of its own: input with `halo` extra columns of zeros at both ends of each row (as a Plan's
// buffers have) and `gap` unused elements after each pixel.
struct Problem {
  std::vector<float> x, weight, bias, zeros;
  std::vector<const float*> rows;
  Args args;

  Problem(test::Random& random, bool depthwise, std::int64_t halo, std::int64_t gap) {
    const auto value = [&] { return static_cast<float>(random.between(-4, 4)); };
    Args& a = args;
    a.batch = random.between(1, 2);
    const std::int64_t per_group = depthwise ? 1 : random.between(1, 9);
    a.groups = depthwise ? random.between(1, 40) : random.between(1, 10) > 7 ? random.between(2, 3) : 1;
    a.in_channels = a.groups * per_group;
    a.out_channels = depthwise ? a.groups : a.groups * random.between(1, 80);
    a.kernel_h = random.between(1, 5), a.kernel_w = random.between(1, 5);
    a.stride_h = random.between(1, 3), a.stride_w = random.between(1, 3);
    a.dilation_h = random.between(1, 2), a.dilation_w = random.between(1, 2);
    a.padding_left = random.between(0, 3);
    const std::int64_t top = random.between(0, 3), padding_right = random.between(0, 3), bottom = random.between(0, 3);
    const std::int64_t extent_h = (a.kernel_h - 1) * a.dilation_h + 1, extent_w = (a.kernel_w - 1) * a.dilation_w + 1;
    const std::int64_t height = std::max<std::int64_t>(random.between(1, 9), extent_h - top - bottom);
    const std::int64_t width = std::max<std::int64_t>(random.between(1, 12), extent_w - a.padding_left - padding_right);
    a.out_height = (height + top + bottom - extent_h) / a.stride_h + 1;
    a.out_width = (width + a.padding_left + padding_right - extent_w) / a.stride_w + 1;
    a.pixel_stride = a.in_channels + gap;
    a.column_begin = -halo, a.column_end = width + halo;
    a.rows_per_image = top + height + bottom;

    const std::int64_t row_size = (width + 2 * halo) * a.pixel_stride;
    zeros.assign(static_cast<std::size_t>(row_size), 0.f);
    x.assign(static_cast<std::size_t>(a.batch * height * row_size), 0.f);
    for (std::int64_t r = 0; r < a.batch * height; ++r)
      for (std::int64_t w = 0; w < width; ++w)
        for (std::int64_t c = 0; c < a.pixel_stride; ++c)  // the gap holds what must not be read
          x[static_cast<std::size_t>(r * row_size + (w + halo) * a.pixel_stride + c)] =
              c < a.in_channels ? value() : 1e30f;
    a.padding_row = zeros.data() + halo * a.pixel_stride;
    rows.assign(static_cast<std::size_t>(a.batch * a.rows_per_image), a.padding_row);
    for (std::int64_t n = 0; n < a.batch; ++n)
      for (std::int64_t h = 0; h < height; ++h)
        rows[static_cast<std::size_t>(n * a.rows_per_image + top + h)] =
            x.data() + (n * height + h) * row_size + halo * a.pixel_stride;
    a.rows = rows.data();
    weight.resize(static_cast<std::size_t>(a.out_channels * a.depth()));
    for (float& w : weight) w = value();
    bias.resize(static_cast<std::size_t>(a.out_channels));
    for (float& b : bias) b = value();
    a.weight = weight.data();
    if (random.between(0, 2) == 0) {  // input channels before output channels, the taps in reverse order
      a.weight += a.taps() - 1;
      a.weight_strides = {.group = a.group_out() * a.depth(),
                          .out = a.taps(),
                          .in = a.group_out() * a.taps(),
                          .h = -a.kernel_w,
                          .w = -1};
    }
    if (random.between(0, 1)) {
      a.y_pixel_stride = a.out_channels + random.between(0, 3);
      a.y_row_stride = a.out_width * a.y_pixel_stride + random.between(0, 9);
      a.y_image_stride = a.out_height * a.y_row_stride + random.between(0, 9);
    }
    a.bias = random.between(0, 1) ? bias.data() : nullptr;
  }

  // The output of a row, with what lies between its pixels; elements around it must stay as they were.
  std::vector<float> run(const Kernel<Args>& row) const {
    constexpr std::size_t kGuard = 64;
    const std::int64_t last = (args.batch - 1) * args.y_image() + (args.out_height - 1) * args.y_row() +
                              (args.out_width - 1) * args.y_pixel();
    const auto n = static_cast<std::size_t>(last + args.out_channels);
    std::vector<float> y(n + 2 * kGuard, -77.f);
    std::shared_ptr<std::byte> packed;
    Args a = args;
    if (row.pack) {
      packed = allocate_aligned(row.packed_bytes(a));
      row.pack(a, packed.get());
      a.packed = packed.get();
    }
    a.y = y.data() + kGuard;
    row.run(a);
    for (std::size_t i = 0; i < kGuard; ++i) REQUIRE((y[i] == -77.f && y[y.size() - 1 - i] == -77.f));
    return {y.begin() + kGuard, y.end() - kGuard};
  }
};

const Kernel<Args>& reference() { return kernels<Args>(Device::cpu).back(); }

void compare_rows(int cases, bool depthwise) {
  test::Random random(test::seed() + (depthwise ? 1000 : 0));
  int compared = 0;
  for (int i = 0; i < cases; ++i) {
    const Problem p(random, depthwise, random.between(0, 2), random.between(0, 1) * 5);
    const std::vector<float> wanted = p.run(reference());
    for (const Kernel<Args>& row : all_rows()) {
      if (!row.accepts(p.args)) continue;
      INFO("seed " << test::seed() << ", case " << i << ", " << row.name << ": " << to_text(p.args));
      REQUIRE(p.run(row) == wanted);
      ++compared;
    }
  }
  REQUIRE(compared > 4 * cases);
}

}  // namespace

TEST_CASE("every convolution row equals the reference on small integers") {
  compare_rows(test::full() ? 2000 : 150, false);
}
TEST_CASE("every depthwise row equals the reference on small integers") {
  compare_rows(test::full() ? 2000 : 150, true);
}

TEST_CASE("convolutions give the same bits with 1, 2 and 7 threads and with any vector width") {
  test::Random random(test::seed());
  Tensor<float> x({2, 19, 17, 24}), w({70, 24, 3, 3}), b({70});
  for (Tensor<float>* t : {&x, &w, &b})
    for (float& v : t->mutable_values()) v = static_cast<float>(random.between(-1000, 1000)) / 999.f;
  const Isa cap = isa_cap();
  std::vector<float> first;
  for (const Isa isa : {Isa::avx2, Isa::avx512, Isa::neon}) {
    if (!cpu_has(isa)) continue;
    cap_isa(isa);
    for (const int threads : {1, 2, 7}) {
      set_thread_count(threads);
      const Tensor<float> y = conv2d(x, w, b, {.stride = 1, .padding = 1});
      if (first.empty()) first.assign(y.values().begin(), y.values().end());
      INFO(name_of(isa) << ", " << threads << " threads");
      REQUIRE(std::memcmp(first.data(), y.data(), first.size() * sizeof(float)) == 0);
    }
  }
  cap_isa(cap);
  set_thread_count(0);
}

TEST_CASE("a weight is packed once and again after it changed") {
  Tensor<float> x({1, 1, 1, 2}, {1, 1}), w({3, 2, 1, 1}, {1, 2, 3, 4, 5, 6});
  REQUIRE(conv2d(x, w).at(0, 0, 0, 2) == 11);
  w.mutable_data()[5] = 0;
  REQUIRE(conv2d(x, w).at(0, 0, 0, 2) == 5);
  // Two views of one storage, and one weight under another grouping, are packings of their own.
  REQUIRE(conv2d(x, w.view(0, 1)).at(0, 0, 0, 0) == 3);
  REQUIRE(conv2d(x, w.view(1, 2)).at(0, 0, 0, 0) == 7);
  REQUIRE(conv2d(x, w.reshape({6, 1, 1, 1}), {}, {.groups = 2}).at(0, 0, 0, 4) == 5);
  // Two shapes of one storage with as many output channels and taps.
  Tensor<float> v({3, 4, 1, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  REQUIRE(conv2d(Tensor<float>({1, 1, 1, 4}, 1.f), v).at(0, 0, 0, 1) == 26);
  REQUIRE(conv2d(Tensor<float>({1, 1, 1, 2}, 1.f), v.reshape({6, 2, 1, 1}).view(0, 3)).at(0, 0, 0, 1) == 7);
}

TEST_CASE("an int32 convolution is exact on the reference kernel") {
  Tensor<std::int32_t> x({1, 2, 2, 1}, {1, 2, 3, 4}), w({1, 1, 2, 2}, {1000, 100, 10, 1});
  REQUIRE(conv2d(x, w).item() == 1234);
}
