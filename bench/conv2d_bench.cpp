// Convolutions of ResNet-50 and MobileNetV2 at 224x224, batch 1, and those of a training step of ResNet-18 (CIFAR form,
// batch 128) and ResNet-50 (batch 16) with both gradients: GFLOP/s and the share of the measured peak.
//   build/bench/bench/conv2d_bench [--benchmark_filter=/dw]        FOVEA_THREADS=1 for one core, FOVEA_CPU to cap
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include <fovea/core/parallel_for.h>
#include <fovea/cpu/conv2d/input_grad.h>
#include <fovea/cpu/conv2d_weight_grad/args.h>
#include <fovea/ops/conv2d.h>

#include "peak.h"

namespace {
using namespace fovea;

struct Layer {
  const char* name;
  std::int64_t size, in, out, kernel, stride, groups;
};
constexpr Layer kLayers[] = {
    {"resnet50/stem_7x7_s2", 224, 3, 64, 7, 2, 1},
    {"resnet50/1x1_56_64_256", 56, 64, 256, 1, 1, 1},
    {"resnet50/1x1_56_256_64", 56, 256, 64, 1, 1, 1},
    {"resnet50/3x3_56_64", 56, 64, 64, 3, 1, 1},
    {"resnet50/1x1_28_512_128", 28, 512, 128, 1, 1, 1},
    {"resnet50/3x3_28_128", 28, 128, 128, 3, 1, 1},
    {"resnet50/1x1_14_1024_256", 14, 1024, 256, 1, 1, 1},
    {"resnet50/3x3_14_256", 14, 256, 256, 3, 1, 1},
    {"resnet50/1x1_14_256_1024", 14, 256, 1024, 1, 1, 1},
    {"resnet50/1x1_7_2048_512", 7, 2048, 512, 1, 1, 1},
    {"resnet50/3x3_7_512", 7, 512, 512, 3, 1, 1},
    {"resnet50/1x1_7_512_2048", 7, 512, 2048, 1, 1, 1},
    {"mobilenet/expand_1x1_56_24_144", 56, 24, 144, 1, 1, 1},
    {"mobilenet/project_1x1_28_192_32", 28, 192, 32, 1, 1, 1},
    {"mobilenet/depthwise_112_96_s2", 112, 96, 96, 3, 2, 96},
    {"mobilenet/depthwise_14_576", 14, 576, 576, 3, 1, 576},
};

// Layers of training, with their batch: the distinct shapes of each network.
struct TrainedLayer {
  std::int64_t batch;
  Layer layer;
};
constexpr TrainedLayer kTrainedLayers[] = {
    {128, {"cifar18/stem_3x3", 32, 3, 64, 3, 1, 1}},
    {128, {"cifar18/3x3_32_64", 32, 64, 64, 3, 1, 1}},
    {128, {"cifar18/3x3_32_64_128_s2", 32, 64, 128, 3, 2, 1}},
    {128, {"cifar18/1x1_32_64_128_s2", 32, 64, 128, 1, 2, 1}},
    {128, {"cifar18/3x3_16_128", 16, 128, 128, 3, 1, 1}},
    {128, {"cifar18/3x3_16_128_256_s2", 16, 128, 256, 3, 2, 1}},
    {128, {"cifar18/1x1_16_128_256_s2", 16, 128, 256, 1, 2, 1}},
    {128, {"cifar18/3x3_8_256", 8, 256, 256, 3, 1, 1}},
    {128, {"cifar18/3x3_8_256_512_s2", 8, 256, 512, 3, 2, 1}},
    {128, {"cifar18/1x1_8_256_512_s2", 8, 256, 512, 1, 2, 1}},
    {128, {"cifar18/3x3_4_512", 4, 512, 512, 3, 1, 1}},
    {16, {"resnet50/stem_7x7_s2", 224, 3, 64, 7, 2, 1}},
    {16, {"resnet50/1x1_56_64", 56, 64, 64, 1, 1, 1}},
    {16, {"resnet50/3x3_56_64", 56, 64, 64, 3, 1, 1}},
    {16, {"resnet50/1x1_56_64_256", 56, 64, 256, 1, 1, 1}},
    {16, {"resnet50/1x1_56_256_64", 56, 256, 64, 1, 1, 1}},
    {16, {"resnet50/1x1_56_256_128", 56, 256, 128, 1, 1, 1}},
    {16, {"resnet50/3x3_56_128_s2", 56, 128, 128, 3, 2, 1}},
    {16, {"resnet50/1x1_56_256_512_s2", 56, 256, 512, 1, 2, 1}},
    {16, {"resnet50/1x1_28_128_512", 28, 128, 512, 1, 1, 1}},
    {16, {"resnet50/1x1_28_512_128", 28, 512, 128, 1, 1, 1}},
    {16, {"resnet50/3x3_28_128", 28, 128, 128, 3, 1, 1}},
    {16, {"resnet50/1x1_28_512_256", 28, 512, 256, 1, 1, 1}},
    {16, {"resnet50/3x3_28_256_s2", 28, 256, 256, 3, 2, 1}},
    {16, {"resnet50/1x1_28_512_1024_s2", 28, 512, 1024, 1, 2, 1}},
    {16, {"resnet50/1x1_14_256_1024", 14, 256, 1024, 1, 1, 1}},
    {16, {"resnet50/1x1_14_1024_256", 14, 1024, 256, 1, 1, 1}},
    {16, {"resnet50/3x3_14_256", 14, 256, 256, 3, 1, 1}},
    {16, {"resnet50/1x1_14_1024_512", 14, 1024, 512, 1, 1, 1}},
    {16, {"resnet50/3x3_14_512_s2", 14, 512, 512, 3, 2, 1}},
    {16, {"resnet50/1x1_14_1024_2048_s2", 14, 1024, 2048, 1, 2, 1}},
    {16, {"resnet50/1x1_7_512_2048", 7, 512, 2048, 1, 1, 1}},
    {16, {"resnet50/1x1_7_2048_512", 7, 2048, 512, 1, 1, 1}},
    {16, {"resnet50/3x3_7_512", 7, 512, 512, 3, 1, 1}},
    {128, {"cifar20/3x3_32_16", 32, 16, 16, 3, 1, 1}},
    {128, {"cifar20/3x3_16_32", 16, 32, 32, 3, 1, 1}},
    {128, {"cifar20/3x3_8_64", 8, 64, 64, 3, 1, 1}},
    {16, {"mobilenet/depthwise_14_576", 14, 576, 576, 3, 1, 576}},
};

Tensor<float> random_tensor(const Shape& shape, std::uint64_t stream) {
  Tensor<float> t(shape, uninitialized);
  float* p = t.mutable_data();
  for (std::int64_t i = 0; i < t.numel(); ++i)
    p[i] = static_cast<float>((static_cast<std::uint64_t>(i) * 2654435761u + stream) % 2001) / 1000.f - 1.f;
  return t;
}

void count(benchmark::State& state, double flop) {
  state.counters["GFLOP"] = benchmark::Counter(flop * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] = benchmark::Counter(flop * 1e-9 / (bench::peak_gflops() * thread_count()),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

// A layer's tensors, the last of them the output or dy, and its input by rows.
struct Problem {
  Layer l;
  std::int64_t out_size;
  Tensor<float> x, w, b, y;
  std::vector<float> zeros;
  std::vector<const float*> rows;

  Problem(std::int64_t batch, const Layer& layer)
      : l(layer),
        out_size((layer.size + 2 * (layer.kernel / 2) - layer.kernel) / layer.stride + 1),
        x(random_tensor({batch, layer.size, layer.size, layer.in}, 1)),
        w(random_tensor({layer.out, layer.in / layer.groups, layer.kernel, layer.kernel}, 2)),
        b(random_tensor({layer.out}, 3)),
        y(random_tensor({batch, out_size, out_size, layer.out}, 4)),
        zeros(static_cast<std::size_t>(layer.size * layer.in), 0.f) {
    const std::int64_t padding = l.kernel / 2, padded = l.size + 2 * padding;
    rows.assign(static_cast<std::size_t>(batch * padded), zeros.data());
    for (std::int64_t r = 0; r < batch * l.size; ++r)
      rows[static_cast<std::size_t>(r / l.size * padded + padding + r % l.size)] = x.data() + r * l.size * l.in;
  }
  // The fields that Conv2dArgs and Conv2dWeightGradArgs share.
  template <class Args>
  Args args() const {
    Args a;
    a.batch = x.size(0), a.in_channels = l.in;
    a.out_height = a.out_width = out_size, a.out_channels = l.out;
    a.kernel_h = a.kernel_w = l.kernel, a.stride_h = a.stride_w = l.stride, a.groups = l.groups;
    a.rows = rows.data(), a.rows_per_image = l.size + 2 * (l.kernel / 2), a.pixel_stride = l.in;
    a.column_end = l.size, a.padding_left = l.kernel / 2, a.padding_row = zeros.data();
    return a;
  }
  double flop() const { return 2.0 * static_cast<double>(y.numel()) * static_cast<double>(w.numel() / l.out); }
};

void conv2d_layer(benchmark::State& state, const Layer& l) {
  const Problem p(1, l);
  const Conv2dOptions options{.stride = l.stride, .padding = l.kernel / 2, .groups = l.groups};
  Tensor<float> y;
  for (auto _ : state) benchmark::DoNotOptimize(y = conv2d(p.x, p.w, p.b, options));
  count(state, p.flop());
}

// The passes of a training step, on memory that is there: a fresh tensor costs page faults as well. Weights are packed
// each time, as after a step of the optimizer.
void forward(benchmark::State& state, const Problem& p) {
  Tensor<float> y(p.y.shape());
  auto a = p.args<Conv2dArgs<float>>();
  a.weight = p.w.data(), a.bias = p.b.data(), a.y = y.mutable_data();
  for (auto _ : state) detail::run_conv2d_packed(a, Device::cpu);
  count(state, p.flop());
}

void input_grad(benchmark::State& state, const Problem& p) {
  Conv2dInputGrad<float> g;
  g.batch = p.x.size(0), g.height = g.width = p.l.size, g.in_channels = p.l.in;
  g.out_height = g.out_width = p.out_size, g.out_channels = p.l.out;
  g.kernel_h = g.kernel_w = p.l.kernel, g.stride_h = g.stride_w = p.l.stride, g.groups = p.l.groups;
  g.padding_top = g.padding_left = p.l.kernel / 2;
  g.dy = p.y.data(), g.weight = p.w.data();
  Tensor<float> dx(p.x.shape());
  g.dx = dx.mutable_data();
  for (auto _ : state) conv2d_input_grad(g);
  count(state, p.flop());
}

void weight_grad(benchmark::State& state, const Problem& p) {
  Tensor<float> dw(p.w.shape());
  auto a = p.args<Conv2dWeightGradArgs<float>>();
  a.dy = p.y.data(), a.dw = dw.mutable_data();
  for (auto _ : state) choose(a).run(a);
  count(state, p.flop());
}

void register_training(const TrainedLayer& t) {
  const std::string name = std::string(t.layer.name) + "/b" + std::to_string(t.batch);
  const auto add = [&](const char* pass, void (*run)(benchmark::State&, const Problem&)) {
    const auto timed = [t, run](benchmark::State& state) { run(state, Problem(t.batch, t.layer)); };
    benchmark::RegisterBenchmark((name + pass).c_str(), timed)
        ->Unit(benchmark::kMillisecond)
        ->MeasureProcessCPUTime()
        ->UseRealTime();
  };
  add("/y", forward), add("/dx", input_grad), add("/dw", weight_grad);
}
}  // namespace

int main(int argc, char** argv) {
  for (const Layer& l : kLayers)
    benchmark::RegisterBenchmark(l.name, conv2d_layer, l)->Unit(benchmark::kMillisecond)->UseRealTime();
  for (const TrainedLayer& t : kTrainedLayers) register_training(t);
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext("cpu_set", std::string(name_of(isa_cap())));
  benchmark::AddCustomContext("peak_gflops_a_core", std::to_string(bench::peak_gflops()));
  benchmark::AddCustomContext("threads", std::to_string(thread_count()));
  benchmark::RunSpecifiedBenchmarks();
}
