// Trains a ResNet-20 on CIFAR-10 from nothing.
//
//   g++ -std=c++20 -O2 -I include examples/train_cifar10.cpp -o train_cifar10 -pthread
//   ./train_cifar10 DIR
//
// DIR holds the data in its binary form: data_batch_1.bin ... data_batch_5.bin and test_batch.bin
// (https://www.cs.toronto.edu/~kriz/cifar.html). Ctrl-C stops after the step, with the accuracy so far.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <fovea/data/cifar10.h>
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
  std::string folder;
  std::int64_t epochs = 20, batch = 128, steps = -1;  // steps: stop early
  double lr = 0.4;
  std::uint64_t seed = 1;
  std::int64_t held_back = 0;  // test on this many images of the last training file instead of the test file
};

// Share of the images that the net answers right, with its running statistics.
double accuracy(const ResNetCifar<float>& net, const Cifar10& data) {
  const Loader loader(data, {.batch_size = 250});
  auto batches = loader.epoch(0);
  std::int64_t correct = 0;
  while (const auto batch = batches.next()) correct += count_correct(net(batch->images), batch->labels);
  return static_cast<double>(correct) / static_cast<double>(data.size());
}

int train(const Options& o) {
  const std::filesystem::path folder = o.folder;
  std::vector<std::filesystem::path> files;
  for (int i = 1; i <= 5; ++i)
    if (const auto file = folder / ("data_batch_" + std::to_string(i) + ".bin"); exists(file)) files.push_back(file);
  if (files.empty()) fail("no data_batch_1.bin in ", o.folder);
  std::filesystem::path test_file = folder / "test_batch.bin";
  if (!exists(test_file)) test_file = folder / "test_dev_5000.bin";
  if (o.held_back > 0) test_file = files.back(), files.pop_back();
  const Cifar10 images(files, /*augment=*/true), test({test_file}, false, 0, o.held_back > 0 ? o.held_back : Cifar10::kAll);

  ResNetCifar<float> net{{.depth = 20}};
  initialize(net, o.seed);

  const Loader loader(images, {.batch_size = o.batch, .seed = o.seed, .shuffle = true, .drop_last = true});
  const std::int64_t all_steps = o.steps > 0 ? o.steps : o.epochs * loader.batches();
  const OneCycleLR schedule{.max_lr = o.lr, .total_steps = all_steps, .pct_start = 0.25, .cycle_momentum = false};
  SGD optimizer(no_decay_on_vectors(trainable(net)),
                {.lr = o.lr, .momentum = 0.9, .weight_decay = 5e-4, .nesterov = true});

  const Interrupt interrupt;
  const std::int64_t epoch_steps = std::min(loader.batches(), all_steps);
  TrainingProgress progress((all_steps + epoch_steps - 1) / epoch_steps, epoch_steps);
  std::int64_t step = 0;
  for (std::uint64_t epoch = 0; step < all_steps && !interrupt.asked(); ++epoch) {
    auto batches = loader.epoch(epoch);
    while (step < all_steps && !interrupt.asked()) {
      const auto batch = batches.next();
      if (!batch) break;
      optimizer.set_lr(schedule.lr(step));

      Training scope(o.seed, static_cast<std::uint64_t>(step));  // batch norm uses the batch's statistics
      Tape tape(trainable(net));                                 // records what happens to the parameters
      const Tensor<float> logits = net(batch->images);
      const Tensor<float> loss = cross_entropy(logits, batch->labels);
      if (!std::isfinite(loss.item()))
        fail("the loss of step ", step, " is ", loss.item(), "; FOVEA_CHECK=finite names the op that made it");
      optimizer.step(tape.backward(loss));  // dloss/dparameter, and a step down
      scope.commit();                       // the running statistics move
      ++step;
      progress.step(loss.item(), count_correct(logits, batch->labels), batch->labels.numel());
    }
    progress.end_epoch(accuracy(net, test));
  }

  std::printf("%s after %lld steps: test accuracy %.2f %%\n", interrupt.asked() ? "stopped" : "trained",
              static_cast<long long>(step), 100 * accuracy(net, test));
  return 0;
}

int usage() {
  std::fprintf(
      stderr,
      "usage: train_cifar10 DIR [--epochs 20] [--batch 128] [--lr 0.4] [--seed 1] [--steps N] [--held-back N]\n");
  return 2;
}

int main(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name.rfind("--", 0) != 0) {
      o.folder = name;
      continue;
    }
    if (++i == argc) return usage();
    const double value = std::atof(argv[i]);
    if (name == "--epochs")
      o.epochs = static_cast<std::int64_t>(value);
    else if (name == "--batch")
      o.batch = static_cast<std::int64_t>(value);
    else if (name == "--lr")
      o.lr = value;
    else if (name == "--seed")
      o.seed = static_cast<std::uint64_t>(value);
    else if (name == "--steps")
      o.steps = static_cast<std::int64_t>(value);
    else if (name == "--held-back")
      o.held_back = static_cast<std::int64_t>(value);
    else
      return usage();
  }
  if (o.folder.empty()) return usage();
  try {
    return train(o);
  } catch (const Error& e) {
    std::fprintf(stderr, "train_cifar10: %s\n", e.what());
    return 1;
  }
}
