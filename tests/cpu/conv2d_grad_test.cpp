// The gradients of a convolution, of its input, its weight and its bias: every kernel row and every body in its plain
// C++ form against naive loops over small integers, where all sums are exact and the results must be equal bit for bit.
#include <string>
#include <vector>

#include <fovea/core/parallel_for.h>
#include <fovea/cpu/channel_sum/table.h>
#include <fovea/cpu/conv2d/input_grad.h>
#include <fovea/cpu/conv2d/table.h>
#include <fovea/cpu/conv2d_weight_grad/table.h>
#include <support/catch.h>
#include <support/support.h>

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

}  // namespace

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
TEST_CASE("the input gradient of a convolution equals naive loops in the other types") {
  test::Random random(test::seed());
  check_input_grad<double>(random, 20);
  check_input_grad<bf16>(random, 20);
  check_input_grad<half>(random, 20);
}
