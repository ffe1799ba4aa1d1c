// Convolutions of ResNet-50 and MobileNetV2 at 224x224, batch 1: GFLOP/s and the share of the measured peak.
//   build/bench/bench/conv2d_bench [--benchmark_filter=3x3]        FOVEA_THREADS=1 for one core, FOVEA_CPU to cap
#include <benchmark/benchmark.h>

#include <fovea/core/parallel_for.h>
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

Tensor<float> random_tensor(const Shape& shape, std::uint64_t stream) {
  Tensor<float> t(shape, uninitialized);
  float* p = t.mutable_data();
  for (std::int64_t i = 0; i < t.numel(); ++i)
    p[i] = static_cast<float>((static_cast<std::uint64_t>(i) * 2654435761u + stream) % 2001) / 1000.f - 1.f;
  return t;
}

void conv2d_layer(benchmark::State& state, const Layer& l) {
  const Tensor<float> x = random_tensor({1, l.size, l.size, l.in}, 1);
  const Tensor<float> w = random_tensor({l.out, l.in / l.groups, l.kernel, l.kernel}, 2), b = random_tensor({l.out}, 3);
  const Conv2dOptions options{.stride = l.stride, .padding = l.kernel / 2, .groups = l.groups};
  Tensor<float> y;
  for (auto _ : state) benchmark::DoNotOptimize(y = conv2d(x, w, b, options));
  const double flop = 2.0 * static_cast<double>(y.numel()) * static_cast<double>(w.numel() / l.out);
  state.counters["GFLOP"] = benchmark::Counter(flop * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] = benchmark::Counter(flop * 1e-9 / (bench::peak_gflops() * thread_count()),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}
}  // namespace

int main(int argc, char** argv) {
  for (const Layer& l : kLayers)
    benchmark::RegisterBenchmark(l.name, conv2d_layer, l)->Unit(benchmark::kMillisecond)->UseRealTime();
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext("cpu_set", std::string(name_of(isa_cap())));
  benchmark::AddCustomContext("peak_gflops_a_core", std::to_string(bench::peak_gflops()));
  benchmark::AddCustomContext("threads", std::to_string(thread_count()));
  benchmark::RunSpecifiedBenchmarks();
}
