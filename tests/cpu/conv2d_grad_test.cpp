// The gradients of a convolution, of its input, its weight and its bias: every kernel row and every body in its plain
// C++ form against naive loops over small integers, where all sums are exact and the results must be equal bit for bit.
#include <string>
#include <vector>

#include <fovea/core/parallel_for.h>
#include <fovea/cpu/channel_sum/table.h>
#include <fovea/cpu/conv2d/input_grad.h>
#include <fovea/cpu/conv2d/table.h>
#include <fovea/cpu/conv2d_weight_grad/table.h>
#include <fovea/cpu/simd/plain.h>
#include <support/catch.h>
#include <support/support.h>

namespace fovea::inline FOVEA_ABI::cpu::grad_plain4 {
using simd = PlainSimd<4>;
#include <fovea/cpu/channel_sum/body.inc>
#include <fovea/cpu/conv2d_weight_grad/body.inc>
#include <fovea/cpu/conv2d_weight_grad/depthwise.inc>
}  // namespace fovea::inline FOVEA_ABI::cpu::grad_plain4
namespace fovea::inline FOVEA_ABI::cpu::grad_plain8 {
using simd = PlainSimd<8>;
#include <fovea/cpu/channel_sum/body.inc>
#include <fovea/cpu/conv2d_weight_grad/body.inc>
#include <fovea/cpu/conv2d_weight_grad/depthwise.inc>
}  // namespace fovea::inline FOVEA_ABI::cpu::grad_plain8
namespace fovea::inline FOVEA_ABI::cpu::grad_plain16 {
using simd = PlainSimd<16>;
#include <fovea/cpu/channel_sum/body.inc>
#include <fovea/cpu/conv2d_weight_grad/body.inc>
#include <fovea/cpu/conv2d_weight_grad/depthwise.inc>
}  // namespace fovea::inline FOVEA_ABI::cpu::grad_plain16

namespace {
using namespace fovea;

// Sizes of a random convolution, with an output of at least one pixel.
struct Sizes {
  std::int64_t batch, height, width, in_channels, out_height, out_width, out_channels;
  std::int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, groups, top, left;

  Sizes(test::Random& random, bool depthwise) {
    batch = random.between(1, 3);
    groups = depthwise ? random.between(1, 40) : random.between(1, 10) > 7 ? random.between(2, 3) : 1;
    in_channels = depthwise ? groups : groups * random.between(1, 20);
    out_channels = depthwise ? groups : groups * random.between(1, random.between(0, 3) ? 20 : 80);
    kernel_h = random.between(1, 7), kernel_w = random.between(1, random.between(0, 1) ? 3 : 7);
    stride_h = random.between(1, 3), stride_w = random.between(1, 3);
    dilation_h = random.between(1, 3), dilation_w = random.between(1, 3);
    top = random.between(0, 4), left = random.between(0, 4);
    const std::int64_t bottom = random.between(0, 4), right = random.between(0, 4);
    const std::int64_t extent_h = (kernel_h - 1) * dilation_h + 1, extent_w = (kernel_w - 1) * dilation_w + 1;
    height = std::max<std::int64_t>(random.between(1, 9), extent_h - top - bottom);
    width = std::max<std::int64_t>(random.between(1, 12), extent_w - left - right);
    out_height = (height + top + bottom - extent_h) / stride_h + 1;
    out_width = (width + left + right - extent_w) / stride_w + 1;
    padded_height = top + height + bottom;
  }
  std::int64_t padded_height;
  std::int64_t x() const { return batch * height * width * in_channels; }
  std::int64_t y() const { return batch * out_height * out_width * out_channels; }
  std::int64_t w() const { return out_channels * (in_channels / groups) * kernel_h * kernel_w; }

  // f(x index, y index, w index) for every product of the convolution.
  template <class F>
  void for_each_product(F f) const {
    const std::int64_t per_in = in_channels / groups, per_out = out_channels / groups;
    for (std::int64_t n = 0; n < batch; ++n)
      for (std::int64_t oh = 0; oh < out_height; ++oh)
        for (std::int64_t ow = 0; ow < out_width; ++ow)
          for (std::int64_t kh = 0; kh < kernel_h; ++kh)
            for (std::int64_t kw = 0; kw < kernel_w; ++kw) {
              const std::int64_t ih = oh * stride_h - top + kh * dilation_h,
                                 iw = ow * stride_w - left + kw * dilation_w;
              if (ih < 0 || ih >= height || iw < 0 || iw >= width) continue;
              const std::int64_t px = ((n * height + ih) * width + iw) * in_channels;
              const std::int64_t py = ((n * out_height + oh) * out_width + ow) * out_channels;
              for (std::int64_t o = 0; o < out_channels; ++o)
                for (std::int64_t c = 0; c < per_in; ++c)
                  f(static_cast<std::size_t>(px + o / per_out * per_in + c), static_cast<std::size_t>(py + o),
                    static_cast<std::size_t>(((o * per_in + c) * kernel_h + kh) * kernel_w + kw));
            }
  }
};

template <class T>
std::vector<T> integers(test::Random& random, std::int64_t n) {
  std::vector<T> v(static_cast<std::size_t>(n));
  for (T& value : v) value = static_cast<T>(static_cast<float>(random.between(-4, 4)));
  return v;
}

constexpr std::size_t kGuard = 64;

// Memory for n results with guards around it.
template <class T>
struct Guarded {
  std::vector<T> data;
  explicit Guarded(std::size_t n) : data(n + 2 * kGuard, static_cast<T>(-77.f)) {}
  T* begin() { return data.data() + kGuard; }
  std::vector<T> result() const {
    for (std::size_t i = 0; i < kGuard; ++i)
      REQUIRE((data[i] == static_cast<T>(-77.f) && data[data.size() - 1 - i] == static_cast<T>(-77.f)));
    return {data.begin() + kGuard, data.end() - kGuard};
  }
};

template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(static_cast<double>(a[i]) == static_cast<double>(b[i]))) return false;
  return true;
}

// T: the type of activations. Every integer of the sums here is exact in float and double; bf16 and half round once.
template <class T>
void check_input_grad(test::Random& random, int cases) {
  for (int i = 0; i < cases; ++i) {
    const Sizes s(random, i % 4 == 3);
    const auto dy = integers<T>(random, s.y());
    const auto weight = integers<master_t<T>>(random, s.w()), bias = integers<master_t<T>>(random, s.in_channels);
    const bool with_bias = random.between(0, 1) != 0;
    std::vector<double> sum(static_cast<std::size_t>(s.x()), 0.0);
    for (std::size_t p = 0; with_bias && p < sum.size(); ++p)
      sum[p] = static_cast<double>(bias[p % static_cast<std::size_t>(s.in_channels)]);
    s.for_each_product([&](std::size_t px, std::size_t py, std::size_t pw) {
      sum[px] += static_cast<double>(dy[py]) * static_cast<double>(weight[pw]);
    });
    std::vector<T> wanted;
    for (const double v : sum) wanted.push_back(static_cast<T>(v));

    Guarded<T> dx(wanted.size());
    conv2d_input_grad<T>({.batch = s.batch,
                          .height = s.height,
                          .width = s.width,
                          .in_channels = s.in_channels,
                          .out_height = s.out_height,
                          .out_width = s.out_width,
                          .out_channels = s.out_channels,
                          .kernel_h = s.kernel_h,
                          .kernel_w = s.kernel_w,
                          .stride_h = s.stride_h,
                          .stride_w = s.stride_w,
                          .dilation_h = s.dilation_h,
                          .dilation_w = s.dilation_w,
                          .groups = s.groups,
                          .padding_top = s.top,
                          .padding_left = s.left,
                          .dy = dy.data(),
                          .weight = weight.data(),
                          .bias = with_bias ? bias.data() : nullptr,
                          .dx = dx.begin()});
    INFO("seed " << test::seed() << ", case " << i << ": x " << s.batch << "x" << s.height << "x" << s.width << "x"
                 << s.in_channels << ", weight " << s.out_channels << "x" << s.in_channels / s.groups << "x"
                 << s.kernel_h << "x" << s.kernel_w << ", stride " << s.stride_h << "x" << s.stride_w << ", dilation "
                 << s.dilation_h << "x" << s.dilation_w << ", padding " << s.top << ", " << s.left << ", "
                 << name_of(isa_cap()));
    REQUIRE(same(dx.result(), wanted));
  }
}

// The bodies compiled on the plain vectors, as rows that no table lists, and the rows of this machine.
template <class Args>
std::vector<Kernel<Args>> with_rows_of_machine(std::vector<Kernel<Args>> rows) {
  for (const Kernel<Args>& row : kernels<Args>(Device::cpu))
    if (cpu_has(row.needs)) rows.push_back(row);
  return rows;
}
std::vector<Kernel<Conv2dWeightGradArgs<float>>> weight_grad_rows() {
  return with_rows_of_machine<Conv2dWeightGradArgs<float>>({
      {"plain4", Isa::scalar, accepts_all, cpu::grad_plain4::weight_grad},
      {"plain8", Isa::scalar, accepts_all, cpu::grad_plain8::weight_grad},
      {"plain16", Isa::scalar, accepts_all, cpu::grad_plain16::weight_grad},
      {"depthwise_plain4", Isa::scalar, cpu::grad_plain4::depthwise_grad_accepts,
       cpu::grad_plain4::depthwise_weight_grad},
      {"depthwise_plain8", Isa::scalar, cpu::grad_plain8::depthwise_grad_accepts,
       cpu::grad_plain8::depthwise_weight_grad},
      {"depthwise_plain16", Isa::scalar, cpu::grad_plain16::depthwise_grad_accepts,
       cpu::grad_plain16::depthwise_weight_grad},
  });
}
std::vector<Kernel<ChannelSumArgs<float>>> channel_sum_rows() {
  return with_rows_of_machine<ChannelSumArgs<float>>({
      {"plain4", Isa::scalar, accepts_all, cpu::grad_plain4::channel_sum},
      {"plain8", Isa::scalar, accepts_all, cpu::grad_plain8::channel_sum},
      {"plain16", Isa::scalar, accepts_all, cpu::grad_plain16::channel_sum},
  });
}

// The arguments of a weight gradient, for an input with `halo` columns of zeros at both ends of each row and `gap`
// elements after each pixel that must not be read.
template <class T>
struct WeightGrad {
  std::vector<T> x, dy, zeros;
  std::vector<const T*> rows;
  Conv2dWeightGradArgs<T> args;

  WeightGrad(const Sizes& s, const std::vector<T>& values, std::vector<T> dy_values, std::int64_t halo,
             std::int64_t gap)
      : dy(std::move(dy_values)) {
    const std::int64_t pixel = s.in_channels + gap, row_size = (s.width + 2 * halo) * pixel;
    x.assign(static_cast<std::size_t>(s.batch * s.height * row_size), T(0));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto c = static_cast<std::int64_t>(i) % s.in_channels, p = static_cast<std::int64_t>(i) / s.in_channels;
      const std::int64_t to = p / s.width * row_size + (p % s.width + halo) * pixel;
      x[static_cast<std::size_t>(to + c)] = values[i];
      for (std::int64_t g = 0; g < gap; ++g) x[static_cast<std::size_t>(to + s.in_channels + g)] = static_cast<T>(3e4f);
    }
    zeros.assign(static_cast<std::size_t>(row_size), T(0));
    const T* const padding = zeros.data() + halo * pixel;
    rows.assign(static_cast<std::size_t>(s.batch * s.padded_height), padding);
    for (std::int64_t r = 0; r < s.batch * s.height; ++r)
      rows[static_cast<std::size_t>(r / s.height * s.padded_height + s.top + r % s.height)] =
          x.data() + r * row_size + halo * pixel;
    args.batch = s.batch, args.in_channels = s.in_channels;
    args.out_height = s.out_height, args.out_width = s.out_width, args.out_channels = s.out_channels;
    args.kernel_h = s.kernel_h, args.kernel_w = s.kernel_w;
    args.stride_h = s.stride_h, args.stride_w = s.stride_w;
    args.dilation_h = s.dilation_h, args.dilation_w = s.dilation_w, args.groups = s.groups;
    args.rows = rows.data(), args.rows_per_image = s.padded_height, args.pixel_stride = pixel;
    args.column_begin = -halo, args.column_end = s.width + halo, args.padding_left = s.left;
    args.padding_row = padding, args.dy = dy.data();
  }
  std::vector<master_t<T>> run(const Kernel<Conv2dWeightGradArgs<T>>& row) {
    Guarded<master_t<T>> dw(static_cast<std::size_t>(args.numel()));
    args.dw = dw.begin();
    row.run(args);
    return dw.result();
  }
};

template <class T>
void check_weight_grad(test::Random& random, int cases, const std::vector<Kernel<Conv2dWeightGradArgs<T>>>& rows) {
  int compared = 0;
  for (int i = 0; i < cases; ++i) {
    const Sizes s(random, i % 3 == 2);
    const auto x = integers<T>(random, s.x());
    WeightGrad<T> problem(s, x, integers<T>(random, s.y()), random.between(0, 2), random.between(0, 1) * 5);
    std::vector<double> sum(static_cast<std::size_t>(s.w()), 0.0);
    s.for_each_product([&](std::size_t px, std::size_t py, std::size_t pw) {
      sum[pw] += static_cast<double>(x[px]) * static_cast<double>(problem.dy[py]);
    });
    std::vector<master_t<T>> wanted;
    for (const double v : sum) wanted.push_back(static_cast<master_t<T>>(v));
    for (const auto& row : rows) {
      if (!row.accepts(problem.args)) continue;
      INFO("seed " << test::seed() << ", case " << i << ", " << row.name << ": " << to_text(problem.args));
      REQUIRE(same(problem.run(row), wanted));
      ++compared;
    }
  }
  REQUIRE(compared >= cases);
}

// A weight gradient whose pixels make two slices of many chunks, of the numbers -range / unit to range / unit.
std::vector<float> sliced_weight_grad(const Kernel<Conv2dWeightGradArgs<float>>& row, std::int64_t groups, int range,
                                      float unit) {
  test::Random random(test::seed());
  Sizes s(random, false);
  s.batch = 3, s.height = 61, s.width = 53, s.in_channels = 7, s.out_channels = 9, s.groups = groups;
  if (groups > 1) s.in_channels = s.out_channels = groups;
  s.kernel_h = 2, s.kernel_w = 1, s.stride_h = s.stride_w = s.dilation_h = s.dilation_w = s.top = 1;
  s.left = 0;
  s.out_height = s.height, s.out_width = s.width, s.padded_height = s.height + 1;
  const auto values = [&](std::int64_t n) {
    std::vector<float> v(static_cast<std::size_t>(n));
    for (float& value : v) value = static_cast<float>(random.between(-range, range)) / unit;
    return v;
  };
  const std::vector<float> x = values(s.x());
  return WeightGrad<float>(s, x, values(s.y()), 0, 0).run(row);
}

}  // namespace

TEST_CASE("every row of the weight gradient equals naive loops on small integers") {
  test::Random random(test::seed());
  check_weight_grad<float>(random, test::full() ? 500 : 80, weight_grad_rows());
}
TEST_CASE("the weight gradient of an empty batch is zero on every row") {
  test::Random random(test::seed());
  for (const bool depthwise : {false, true}) {
    Sizes s(random, depthwise);
    s.batch = 0;
    WeightGrad<float> problem(s, {}, {}, 0, 0);
    for (const auto& row : weight_grad_rows()) {
      if (!row.accepts(problem.args)) continue;
      INFO(row.name);
      REQUIRE(problem.run(row) == std::vector<float>(static_cast<std::size_t>(s.w()), 0.f));
    }
  }
}
TEST_CASE("the weight gradient equals naive loops in the other types") {
  test::Random random(test::seed());
  check_weight_grad<double>(random, 10, with_rows_of_machine<Conv2dWeightGradArgs<double>>({}));
  check_weight_grad<bf16>(random, 10, with_rows_of_machine<Conv2dWeightGradArgs<bf16>>({}));
  check_weight_grad<half>(random, 10, with_rows_of_machine<Conv2dWeightGradArgs<half>>({}));
}

TEST_CASE("weight gradients have the same bits with 1, 2 and 7 threads and with any vector width") {
  for (const std::int64_t groups : {1, 11})
    for (const char* kind : {"depthwise", "6x"}) {
      std::vector<float> first;
      for (const auto& row : weight_grad_rows()) {
        const std::string name = row.name;
        const bool depthwise = name.find("depthwise") != std::string::npos;
        if (name.find("reference") != std::string::npos || depthwise != (kind[0] == 'd') || (depthwise && groups == 1))
          continue;
        for (const int threads : {1, 2, 7}) {
          set_thread_count(threads);
          const std::vector<float> dw = sliced_weight_grad(row, groups, 1000, 999.f);
          if (first.empty()) first = dw;
          INFO(name << ", " << groups << " groups, " << threads << " threads");
          REQUIRE(dw == first);
        }
      }
    }
  set_thread_count(0);
}

TEST_CASE("weight gradients of several slices equal the reference on small integers") {
  for (const std::int64_t groups : {1, 11}) {
    const std::vector<float> wanted =
        sliced_weight_grad(kernels<Conv2dWeightGradArgs<float>>(Device::cpu).back(), groups, 4, 1.f);
    for (const auto& row : weight_grad_rows()) {
      if (groups == 1 && std::string(row.name).find("depthwise") != std::string::npos) continue;
      INFO(row.name << ", " << groups << " groups");
      REQUIRE(sliced_weight_grad(row, groups, 4, 1.f) == wanted);
    }
  }
}

TEST_CASE("every row of the channel sums equals naive loops on small integers, at 1, 2 and 7 threads") {
  test::Random random(test::seed());
  for (int i = 0; i < (test::full() ? 200 : 30); ++i) {
    const std::int64_t pixels = random.between(0, i % 2 ? 2000 : 9), channels = random.between(1, 150);
    const std::vector<float> x = integers<float>(random, pixels * channels);
    std::vector<float> wanted(static_cast<std::size_t>(channels), 0.f);
    for (std::size_t p = 0; p < x.size(); ++p) wanted[p % wanted.size()] += x[p];
    for (const auto& row : channel_sum_rows())
      for (const int threads : {1, 2, 7}) {
        set_thread_count(threads);
        Guarded<float> sum(wanted.size());
        row.run({.pixels = pixels, .channels = channels, .x = x.data(), .sum = sum.begin()});
        INFO("seed " << test::seed() << ", case " << i << ", " << row.name << ": " << pixels << "x" << channels);
        REQUIRE(sum.result() == wanted);
      }
  }
  set_thread_count(0);
}

TEST_CASE("channel sums of fractions have the same bits with any vector width and thread count") {
  test::Random random(test::seed());
  std::vector<float> x(5000 * 37), first;
  for (float& value : x) value = static_cast<float>(random.between(-1000, 1000)) / 999.f;
  for (const auto& row : channel_sum_rows()) {
    if (std::string(row.name).find("reference") != std::string::npos) continue;
    for (const int threads : {1, 2, 7}) {
      set_thread_count(threads);
      Guarded<float> sum(37);
      row.run({.pixels = 5000, .channels = 37, .x = x.data(), .sum = sum.begin()});
      if (first.empty()) first = sum.result();
      INFO(row.name << ", " << threads << " threads");
      REQUIRE(sum.result() == first);
    }
  }
  set_thread_count(0);
}

TEST_CASE("the input gradient of a convolution equals naive loops on every set of rows") {
  const Isa cap = isa_cap();
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512, Isa::neon}) {
    if (!cpu_has(isa)) continue;
    cap_isa(isa);
    test::Random random(test::seed());
    check_input_grad<float>(random, test::full() ? 500 : 60);
  }
  cap_isa(cap);
}
TEST_CASE("input gradients have the same bits with 1, 2 and 7 threads and with any vector width") {
  test::Random random(test::seed());
  std::vector<float> dy(4 * 10 * 9 * 40), weight(40 * 30 * 9), first;
  for (std::vector<float>* values : {&dy, &weight})
    for (float& v : *values) v = static_cast<float>(random.between(-1000, 1000)) / 999.f;
  const Isa cap = isa_cap();
  for (const Isa isa : {Isa::avx2, Isa::avx512, Isa::neon}) {
    if (!cpu_has(isa)) continue;
    cap_isa(isa);
    for (const int threads : {1, 2, 7}) {
      set_thread_count(threads);
      Guarded<float> dx(4 * 19 * 17 * 30);
      Conv2dInputGrad<float> g;
      g.batch = 4, g.height = 19, g.width = 17, g.in_channels = 30;
      g.out_height = 10, g.out_width = 9, g.out_channels = 40;
      g.kernel_h = g.kernel_w = 3, g.stride_h = g.stride_w = 2, g.padding_top = g.padding_left = 1;
      g.dy = dy.data(), g.weight = weight.data(), g.dx = dx.begin();
      conv2d_input_grad(g);
      if (first.empty()) first = dx.result();
      INFO(name_of(isa) << ", " << threads << " threads");
      REQUIRE(dx.result() == first);
    }
  }
  cap_isa(cap);
  set_thread_count(0);
}
TEST_CASE("the input gradient of a convolution equals naive loops in the other types") {
  test::Random random(test::seed());
  check_input_grad<double>(random, 20);
  check_input_grad<bf16>(random, 20);
  check_input_grad<half>(random, 20);
}
