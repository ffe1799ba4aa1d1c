// Training steps: milliseconds and images a second of ResNet-18 (CIFAR form, 32x32, batch 128) and ResNet-50 (224x224,
// batch 16) in fp32, forward, backward and SGD with momentum; and the highest resident memory.
//   build/bench/bench/train_step_bench [resnet18_cifar|resnet50] [--steps 4] [--batch N]
//   build/bench/bench/train_step_bench resnet50 --rounds 3 --peer "python bench_peers.py --train-one --model resnet50
//   ..."
// With --peer, turns of both alternate, each in a process of its own, and the ratio of the medians is printed. The peer
// prints a line `ROW {json}` with `median_ms` and `peak_mib`. FOVEA_THREADS=1 for one core.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <fovea/core/parallel_for.h>
#include <fovea/models/resnet.h>
#include <fovea/nn/freeze.h>
#include <fovea/nn/init.h>
#include <fovea/ops/cross_entropy.h>
#include <fovea/train/sgd.h>

#include "peak.h"

namespace {
using namespace fovea;

// torchvision's ResNet-18 with a 3x3 stem and no pool, for 32x32 images.
struct ResNet18Cifar {
  ResNet<float> net{{.depth = 18, .num_classes = 10}};
  ResNet18Cifar() {
    net.conv1 = Conv2d<float>{{.in_channels = 3, .out_channels = 64, .kernel_size = 3, .padding = 1, .bias = false}};
  }
  Tensor<float> operator()(const Tensor<float>& x) const {
    Tensor<float> y = relu(net.bn1(net.conv1(x)));
    for (const auto* layer : {&net.layer1, &net.layer2, &net.layer3, &net.layer4})
      for (const auto& block : *layer) y = block(y);
    return net.fc(global_avg_pool(y));
  }
  static void visit(auto&& self, auto&& v) { v("net", self.net); }
};

struct Result {
  double ms = 0, peak_mib = 0;
};

double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmHWM:", 0) == 0) return std::atof(line.c_str() + 6) / 1024;
  return 0;
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

template <class Net>
Result train(Net net, std::int64_t batch, std::int64_t side, std::int64_t classes, int steps) {
  initialize(net, 1);
  Tensor<float> x({batch, side, side, 3});
  fill_normal(x, Philox(2), 1);
  Tensor<std::int64_t> labels({batch});
  for (std::int64_t i = 0; i < batch; ++i) labels.mutable_data()[i] = i * 7 % classes;
  SGD sgd(trainable(net), {.lr = 0.01, .momentum = 0.9, .weight_decay = 1e-4});
  std::vector<double> ms;
  for (int step = 0; step <= steps; ++step) {
    const auto start = std::chrono::steady_clock::now();
    Training scope(1, static_cast<std::uint64_t>(step));
    Tape tape(trainable(net));
    sgd.step(tape.backward(cross_entropy(net(x), labels)));
    scope.commit();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    if (step > 0) ms.push_back(took.count());  // the first one fills caches and buffers
  }
  return {median(ms), peak_mib()};
}

// A turn in a process of its own, of this program or of the peer: the number after `"key":` in its line.
double number_after(const std::string& line, const char* key) {
  const std::size_t at = line.find(std::string("\"") + key + "\":");
  return at == std::string::npos ? 0 : std::atof(line.c_str() + at + std::strlen(key) + 3);
}
Result turn(const std::string& command) {
  Result r;
  std::FILE* out = popen(command.c_str(), "r");
  if (!out) return r;
  char line[4096];
  while (std::fgets(line, sizeof line, out))
    if (std::strncmp(line, "ROW ", 4) == 0) r = {number_after(line, "median_ms"), number_after(line, "peak_mib")};
  pclose(out);
  return r;
}

int compare(const std::string& own, const std::string& peer, int rounds) {
  std::vector<double> a, b;
  Result r, p;
  for (int i = 0; i < rounds; ++i) {
    r = turn(own), p = turn(peer);
    if (r.ms <= 0 || p.ms <= 0) {
      std::fprintf(stderr, "train_step_bench: %s printed no ROW\n", r.ms <= 0 ? own.c_str() : peer.c_str());
      return 1;
    }
    std::printf("round %d: fovea %.0f ms, peer %.0f ms\n", i + 1, r.ms, p.ms);
    std::fflush(stdout);
    a.push_back(r.ms), b.push_back(p.ms);
  }
  std::printf("speed %.2fx of the peer's (medians %.0f and %.0f ms), memory %.2fx (%.0f and %.0f MiB)\n",
              median(b) / median(a), median(a), median(b), r.peak_mib / p.peak_mib, r.peak_mib, p.peak_mib);
  return 0;
}
}  // namespace

int main(int argc, char** argv) {
  std::string name = "resnet18_cifar", peer;
  int steps = 4, rounds = 3;
  std::int64_t batch = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option.rfind("--", 0) != 0)
      name = option;
    else if (++i == argc)
      return std::fprintf(stderr, "train_step_bench: %s wants a value\n", option.c_str()), 2;
    else if (option == "--steps")
      steps = std::atoi(argv[i]);
    else if (option == "--rounds")
      rounds = std::atoi(argv[i]);
    else if (option == "--batch")
      batch = std::atoi(argv[i]);
    else if (option == "--peer")
      peer = argv[i];
    else
      return std::fprintf(stderr, "train_step_bench: unknown option %s\n", option.c_str()), 2;
  }
  const bool cifar = name == "resnet18_cifar";
  if (!cifar && name != "resnet50") return std::fprintf(stderr, "train_step_bench: resnet18_cifar or resnet50\n"), 2;
  if (batch < 1) batch = cifar ? 128 : 16;
  if (!peer.empty())
    return compare(
        std::string(argv[0]) + " " + name + " --steps " + std::to_string(steps) + " --batch " + std::to_string(batch),
        peer, rounds);

  const Result r = cifar ? train(ResNet18Cifar(), batch, 32, 10, steps)
                         : train(ResNet<float>{{.depth = 50}}, batch, 224, 1000, steps);
  // Multiply-adds of one photo forward; a step is three times that.
  const double gmac = (cifar ? 0.5557 : 4.089) * static_cast<double>(batch);
  std::printf(
      "ROW {\"model\":\"%s\",\"batch\":%lld,\"median_ms\":%.1f,\"img_s\":%.1f,\"of_peak\":%.3f,\"peak_mib\":%.0f}\n",
      name.c_str(), static_cast<long long>(batch), r.ms, 1e3 * static_cast<double>(batch) / r.ms,
      6 * gmac / (r.ms * 1e-3) / (bench::peak_gflops() * thread_count()), r.peak_mib);
}
