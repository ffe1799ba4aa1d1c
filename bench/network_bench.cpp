// Whole networks at 224x224, batch 1, random weights: milliseconds a photo and the share of the measured peak.
//   build/bench/bench/network_bench [--benchmark_filter=resnet50]        FOVEA_THREADS=1 for one core
#include <benchmark/benchmark.h>

#include <fovea/core/parallel_for.h>
#include <fovea/models/create.h>

#include "peak.h"

namespace {
using namespace fovea;

void network(benchmark::State& state, const char* name) {
  AnyNet net = models::create(name);
  for_each_tensor(net, [](const std::string&, Tensor<float>& t, bool) {
    float* p = t.mutable_data();
    for (std::int64_t i = 0; i < t.numel(); ++i) p[i] = static_cast<float>(i % 17 + 1) / 256.f;
  });
  const Tensor<float> x({1, 224, 224, 3}, 0.5f);
  net(x);  // packs the weights
  for (auto _ : state) benchmark::DoNotOptimize(net(x));
  const double flop = 2.0 * static_cast<double>(net.summary(x.shape()).macs);
  state.counters["GFLOP"] = benchmark::Counter(flop * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] = benchmark::Counter(flop * 1e-9 / (bench::peak_gflops() * thread_count()),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}
}  // namespace

int main(int argc, char** argv) {
  for (const char* name :
       {"resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_large", "efficientnet_b0", "efficientnet_lite0"})
    benchmark::RegisterBenchmark(name, network, name)->Unit(benchmark::kMillisecond)->UseRealTime();
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext("cpu_set", std::string(name_of(isa_cap())));
  benchmark::AddCustomContext("peak_gflops_a_core", std::to_string(bench::peak_gflops()));
  benchmark::AddCustomContext("threads", std::to_string(thread_count()));
  benchmark::RunSpecifiedBenchmarks();
}
