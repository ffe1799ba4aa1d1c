// Trains a ResNet-20 on CIFAR-10 from nothing.
//
//   g++ -std=c++20 -O2 -I include examples/train_cifar10.cpp -o train_cifar10 -pthread
//   ./train_cifar10 DIR --save resnet20.safetensors
//
// DIR holds the data in its binary form: data_batch_1.bin ... data_batch_5.bin and test_batch.bin
// (https://www.cs.toronto.edu/~kriz/cifar.html). Ctrl-C stops after the step, with the accuracy so far.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include <fovea/data/cifar10.h>
#include <fovea/io/load.h>
#include <fovea/io/safetensors.h>
#include <fovea/models/resnet_cifar.h>
#include <fovea/nn/freeze.h>
#include <fovea/nn/init.h>
#include <fovea/ops/cross_entropy.h>
#include <fovea/train/cyclic.h>
#include <fovea/train/interrupt.h>
#include <fovea/train/progress.h>
#include <fovea/train/sgd.h>

using namespace fovea;

struct Options {
  std::string folder, save;  // save: the trained weights, a safetensors file
  std::int64_t epochs = 20, batch = 128, seed = 1;
  std::int64_t steps = 0;      // this many instead of epochs
  std::int64_t held_back = 0;  // test on the last training images, not on the test file
  double lr = 0.4;             // highest learning rate of the cycle
};

// Share of the images that the net answers right. Outside a Training scope batch norm uses its running statistics.
double accuracy(const ResNetCifar<float>& net, const Cifar10& data) {
  const Loader loader(data, {.batch_size = 250});
  auto batches = loader.epoch(0);
  std::int64_t correct = 0;
  while (const auto batch = batches.next()) correct += count_correct(net(batch->images), batch->labels);
  return static_cast<double>(correct) / static_cast<double>(data.size());
}

// A weight file that `fovea classify --weights FILE` can use: it says which net it is for and how photos are prepared.
void save(const ResNetCifar<float>& net, const std::string& file) {
  Json classes;
  for (const std::string_view name : kCifar10Classes) classes.push_back(std::string(name));
  save_safetensors(file, named_tensors(net),
                   {{"fovea.model", R"({"name": "resnet20", "options": {"num_classes": "10"}})"},
                    {"fovea.preprocess", R"({"resize": 32, "crop": 32, "mean": [0.4914, 0.4822, 0.4465],
                                             "std": [0.2470, 0.2435, 0.2616], "interpolation": "bilinear"})"},
                    {"fovea.classes", classes.dump()}});
}

void train(const Options& o) {
  // 1. The images: for training cut and mirrored at random, in another order every epoch.
  const std::filesystem::path folder = o.folder;
  std::vector<std::filesystem::path> files;
  for (int i = 1; i <= 5; ++i)
    if (const auto file = folder / ("data_batch_" + std::to_string(i) + ".bin"); exists(file)) files.push_back(file);
  if (files.empty()) fail("no data_batch_1.bin in ", o.folder);
  std::filesystem::path test_file = folder / "test_batch.bin";
  if (!exists(test_file)) test_file = folder / "test_dev_5000.bin";
  const std::int64_t kept = Cifar10(files, false).size() - o.held_back;
  const Cifar10 images(files, /*augment=*/true, 0, kept);
  const Cifar10 test = o.held_back > 0 ? Cifar10(files, false, kept) : Cifar10({test_file}, false);
  const Loader loader(
      images, {.batch_size = o.batch, .seed = static_cast<std::uint64_t>(o.seed), .shuffle = true, .drop_last = true});

  // 2. The net, and what changes it: the learning rate goes up for a quarter of the steps, then down to nothing.
  ResNetCifar<float> net{{.depth = 20}};
  initialize(net, static_cast<std::uint64_t>(o.seed));
  const std::int64_t epoch_steps = loader.batches(), steps = o.steps > 0 ? o.steps : o.epochs * epoch_steps;
  if (epoch_steps == 0) fail(images.size(), " training images make no batch of ", o.batch);
  const OneCycleLR schedule{.max_lr = o.lr, .total_steps = steps, .pct_start = 0.25, .cycle_momentum = false};
  SGD optimizer(no_decay_on_vectors(trainable(net)), {.momentum = 0.9, .weight_decay = 5e-4, .nesterov = true});

  // 3. Step by step: forward, loss, gradients, update.
  const Interrupt interrupt;
  TrainingProgress progress((steps + epoch_steps - 1) / epoch_steps, std::min(epoch_steps, steps));
  std::int64_t step = 0;
  double test_accuracy = 0;
  for (std::uint64_t epoch = 0; step < steps && !interrupt.asked(); ++epoch) {
    auto batches = loader.epoch(epoch);  // made on a second thread, ahead of us
    while (const auto batch = batches.next()) {
      Training scope(static_cast<std::uint64_t>(o.seed), static_cast<std::uint64_t>(step));  // batch norm: this batch's
      Tape tape(trainable(net));  // records what happens to the parameters
      const Tensor<float> logits = net(batch->images);
      const Tensor<float> loss = cross_entropy(logits, batch->labels);
      if (!std::isfinite(loss.item()))
        fail("the loss of step ", step, " is ", loss.item(), "; FOVEA_CHECK=finite names the op that made it");
      optimizer.set_lr(schedule.lr(step));
      optimizer.step(tape.backward(loss));  // dloss/dparameter, and a step down
      scope.commit();                       // the running statistics move
      progress.step(loss.item(), count_correct(logits, batch->labels), batch->labels.numel());
      if (++step == steps || interrupt.asked()) break;
    }
    progress.end_epoch(test_accuracy = accuracy(net, test));
  }

  if (!o.save.empty()) save(net, o.save);
  std::printf("%s after %lld steps: test accuracy %.2f %%\n", step < steps ? "stopped" : "trained",
              static_cast<long long>(step), 100 * test_accuracy);
}

// DIR and --name value pairs; false if that is not what the arguments are.
bool parse(int argc, char** argv, Options& o) {
  const std::map<std::string, std::int64_t*> counts = {{"--epochs", &o.epochs},
                                                       {"--batch", &o.batch},
                                                       {"--seed", &o.seed},
                                                       {"--steps", &o.steps},
                                                       {"--held-back", &o.held_back}};
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name[0] != '-') {
      o.folder = name;
      continue;
    }
    if (++i == argc) return false;
    char* end = argv[i];
    if (name == "--save") {
      o.save = argv[i];
      continue;
    }
    if (const auto count = counts.find(name); count != counts.end()) *count->second = std::strtoll(argv[i], &end, 10);
    if (name == "--lr") o.lr = std::strtod(argv[i], &end);
    if (end == argv[i] || *end != '\0') return false;
  }
  return !o.folder.empty();
}

int main(int argc, char** argv) {
  Options o;
  if (!parse(argc, argv, o)) {
    std::fprintf(stderr,
                 "usage: train_cifar10 DIR [--epochs 20] [--batch 128] [--lr 0.4] [--seed 1] [--steps N]\n"
                 "                         [--held-back N] [--save FILE.safetensors]\n");
    return 2;
  }
  try {
    train(o);
  } catch (const Error& e) {
    std::fprintf(stderr, "train_cifar10: %s\n", e.what());
    return 1;
  }
}
