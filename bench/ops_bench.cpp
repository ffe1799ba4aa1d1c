// Memory-bound kernels, forward and backward, at shapes of ResNet-50 and ResNet-18, into memory that is there: the
// shortest time of 25, GB/s of the elements that each reads and writes once, and the share of the bandwidth of a copy
// measured in turns with it.
//   build/bench/bench/ops_bench [pool]     the part of the names to run; FOVEA_THREADS=1 for one core, FOVEA_CPU to cap
#include <cstdio>

#include <fovea/ops/activation.h>
#include <fovea/ops/norm.h>
#include <fovea/ops/pool.h>

#include "copy.h"

namespace {
using namespace fovea;
using detail::PoolGeometry;

Tensor<float> random_tensor(const Shape& shape, std::uint64_t stream) {
  Tensor<float> t(shape, uninitialized);
  float* p = t.mutable_data();
  for (std::int64_t i = 0; i < t.numel(); ++i)
    p[i] = static_cast<float>((static_cast<std::uint64_t>(i) * 2654435761u + stream) % 2001) / 1000.f - 1.f;
  return t;
}

std::string_view filter;
bench::Copy copy;

// Runs the kernel that serves `args`, which moves `elements` of four bytes.
template <class Args>
void time_kernel(const std::string& name, const Args& args, std::int64_t elements) {
  if (name.find(filter) == std::string::npos) return;
  const Kernel<Args>& kernel = choose(args);
  kernel.run(args);
  const bench::Turns best = bench::take_turns([&] { kernel.run(args); }, copy);
  const double rate = 4.0 * static_cast<double>(elements) / best.run, copy_rate = copy.bytes() / best.copy;
  std::printf("%-48s %8.3f ms %7.2f GB/s %5.0f %% of copy %6.2f GB/s\n", name.c_str(), 1e3 * best.run, 1e-9 * rate,
              100 * rate / copy_rate, 1e-9 * copy_rate);
}

void activation_forward(const std::string& name, Activation f, const Shape& shape) {
  const Tensor<float> x = random_tensor(shape, 1);
  Tensor<float> y(shape);
  const PointwiseArgs<float> args = {.function = f, .count = x.numel(), .x = x.data(), .y = y.mutable_data()};
  time_kernel(name, args, 2 * x.numel());
}

void activation_backward(const std::string& name, Activation f, const Shape& shape) {
  const Tensor<float> kept = random_tensor(shape, 1), dy = random_tensor(shape, 2);
  Tensor<float> dx(shape);
  const PointwiseGradArgs<float> args = {
      .function = f, .count = dx.numel(), .kept = kept.data(), .dy = dy.data(), .dx = dx.mutable_data()};
  time_kernel(name, args, 3 * dx.numel());
}

PoolGeometry sliding(const Shape& x, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
  return detail::sliding_geometry("pool", Tensor<float>(x), {kernel, stride, 1, padding}, false, true);
}
PoolGeometry global(const Shape& x) { return detail::adaptive_geometry("pool", Tensor<float>(x), 1); }

// What a training step runs: the maximum writes its places too.
void pool_forward(const std::string& name, PoolKind kind, const Shape& shape, const PoolGeometry& g) {
  const Tensor<float> x = random_tensor(shape, 1);
  Tensor<float> y(detail::pooled_shape(x, g));
  Tensor<std::int32_t> index(y.shape());
  const bool max = kind == PoolKind::max;
  PoolArgs<float> args = detail::pool_args(x, kind, g);
  args.y = y.mutable_data();
  if (max) args.index = index.mutable_data();
  time_kernel(name, args, x.numel() + (max ? 2 : 1) * y.numel());
}

void pool_backward(const std::string& name, PoolKind kind, const Shape& shape, const PoolGeometry& g) {
  const Tensor<float> x = random_tensor(shape, 1);
  const bool max = kind == PoolKind::max;
  Tensor<std::int32_t> index = max ? detail::pool_index("pool", x, g) : Tensor<std::int32_t>();
  const Tensor<float> dy = detail::pool_values(x, kind, g, detail::pooled_shape(x, g), index);
  Tensor<float> dx(shape);
  const auto rows = detail::windows_over(shape[1], g.rows), columns = detail::windows_over(shape[2], g.columns);
  PoolGradArgs<float> args = detail::pool_grad_args<float>(kind, shape, g, rows, columns);
  args.dy = dy.data(), args.index = index.data(), args.dx = dx.mutable_data();
  time_kernel(name, args, x.numel() + (max ? 2 : 1) * dy.numel());
}

void time_activation(const std::string& name, Activation f, const Shape& shape) {
  activation_forward(name_of(f) + name + "/forward", f, shape);
  activation_backward(name_of(f) + name + "/backward", f, shape);
}
void time_pool(const std::string& name, PoolKind kind, const Shape& shape, const PoolGeometry& g) {
  pool_forward(name + "/forward", kind, shape, g);
  pool_backward(name + "/backward", kind, shape, g);
}

// The four passes of a batch norm in training: moments and scaling forward, sums and the gradient of x backward.
void time_batch_norm(const std::string& name, const Shape& shape) {
  const Tensor<float> x = random_tensor(shape, 1), dy = random_tensor(shape, 2);
  Tensor<float> y(shape);
  const std::int64_t channels = shape[-1], pixels = shape.numel() / channels;
  const std::vector<float> a(static_cast<std::size_t>(channels), 0.5f), b(a.size(), 0.25f);
  std::vector<double> sum(a.size()), dot(a.size());
  ChannelDotArgs<float> sums = {pixels, channels, x.data(), x.data(), a.data(), a.data(), sum.data(), dot.data()};
  time_kernel(name + "/moments", sums, shape.numel());
  time_kernel(name + "/forward",
              ScaleShiftArgs<float>{pixels, channels, x.data(), a.data(), b.data(), y.mutable_data()},
              2 * shape.numel());
  sums.a = dy.data();
  time_kernel(name + "/backward_sums", sums, 2 * shape.numel());
  time_kernel(name + "/backward",
              NormGradArgs<float>{pixels, channels, dy.data(), x.data(), a.data(), b.data(), a.data(), b.data(),
                                  y.mutable_data()},
              3 * shape.numel());
}
}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) filter = argv[1];
  std::printf("%s, %d threads\n", std::string(name_of(isa_cap())).c_str(), thread_count());
  const Shape wide{16, 56, 56, 256}, narrow{128, 32, 32, 64}, stem{16, 112, 112, 64};
  time_activation("/32x32x64_b128", Activation::relu, narrow);
  for (const Activation f :
       {Activation::relu, Activation::relu6, Activation::hardswish, Activation::sigmoid, Activation::silu})
    time_activation("/56x56x256_b16", f, wide);
  time_pool("max_pool_3x3_s2/112x112x64_b16", PoolKind::max, stem, sliding(stem, 3, 2, 1));
  time_pool("max_pool_2x2_s2/112x112x64_b16", PoolKind::max, stem, sliding(stem, 2, 2, 0));
  time_pool("avg_pool_2x2_s2/56x56x256_b16", PoolKind::average, wide, sliding(wide, 2, 2, 0));
  time_pool("avg_pool_3x3_s1/56x56x256_b16", PoolKind::average, wide, sliding(wide, 3, 1, 1));
  time_batch_norm("batch_norm/32x32x64_b128", narrow);
  time_batch_norm("batch_norm/56x56x256_b16", wide);
  time_batch_norm("batch_norm/7x7x2048_b128", {128, 7, 7, 2048});
  // Larger batches than in training, so that these maps do not fit the caches either.
  time_pool("global_avg_pool/7x7x2048_b128", PoolKind::average, {128, 7, 7, 2048}, global({1, 7, 7, 1}));
  time_pool("global_avg_pool/4x4x512_b1024", PoolKind::average, {1024, 4, 4, 512}, global({1, 4, 4, 1}));
}
