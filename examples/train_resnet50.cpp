// Trains a ResNet-50 on a folder of photos of any size, from nothing or from the weights of another task.
//
//   g++ -std=c++20 -O2 -DFOVEA_TURBOJPEG -I include examples/train_resnet50.cpp -o train_resnet50 -pthread -lturbojpeg
//   fovea convert resnet50.pth resnet50.safetensors
//   ./train_resnet50 DIR --weights resnet50.safetensors --save flowers.safetensors
//   fovea classify --weights flowers.safetensors rose.jpg
//
// DIR/train/CLASS/*.jpg are learnt from and DIR/test/CLASS/*.jpg (or DIR/val) tested on; of plain DIR/CLASS/*.jpg every
// fifth photo is for testing. -DFOVEA_TURBOJPEG and -lturbojpeg are for JPEG; PNG, BMP and PNM need nothing but
// <stb/stb_image.h>. Ctrl-C stops after the step, with the accuracy so far.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include <fovea/data/image_folder.h>
#include <fovea/io/load.h>
#include <fovea/io/safetensors.h>
#include <fovea/models/resnet.h>
#include <fovea/nn/freeze.h>
#include <fovea/nn/init.h>
#include <fovea/ops/cross_entropy.h>
#include <fovea/train/cyclic.h>
#include <fovea/train/interrupt.h>
#include <fovea/train/progress.h>
#include <fovea/train/sgd.h>

using namespace fovea;

struct Options {
  std::string folder, weights, save;  // weights to start from; file to write
  std::int64_t size = 224, batch = 16, epochs = 20, seed = 1;
  double lr = 0.01;  // highest learning rate of the cycle, for the head where there are weights
};

// Share of the photos that the net answers right. Outside a Training scope batch norm uses its running statistics.
double accuracy(const ResNet<float>& net, const ImageFolder& photos, std::int64_t batch_size) {
  const Loader loader(photos, {.batch_size = batch_size});
  auto batches = loader.epoch(0);
  std::int64_t correct = 0;
  while (const auto batch = batches.next()) correct += count_correct(net(batch->images), batch->labels);
  return static_cast<double>(correct) / static_cast<double>(photos.size());
}

// A weight file for `fovea classify --weights FILE`: it also says which net it is for and how photos are prepared.
void save(const ResNet<float>& net, const ImageFolder& photos, const std::string& file) {
  Json model, classes;
  model["name"] = "resnet50";
  model["options"]["num_classes"] = std::to_string(photos.classes().size());
  for (const std::string& name : photos.classes()) classes.push_back(name);
  save_safetensors(file, named_tensors(net),
                   {{"fovea.model", model.dump()},
                    {"fovea.preprocess", photos.options().preprocess.to_json().dump()},
                    {"fovea.classes", classes.dump()}});
}

void train(const Options& o) {
  const auto seed = static_cast<std::uint64_t>(o.seed);

  // 1. The photos. To train: a random part of each, a new one every epoch. To test: its centre.
  Preprocess centre;  // ImageNet's: short side 256, the 224 x 224 in the middle, mean and deviation
  centre.crop = static_cast<int>(o.size);
  centre.resize = static_cast<int>(o.size * 256 / 224);
  const auto [photos, test] = train_and_test(o.folder, centre);
  std::cout << photos.size() << " photos of " << photos.classes().size() << " classes, " << test.size() << " to test\n";
  const Loader loader(photos, {.batch_size = o.batch, .seed = seed, .shuffle = true, .drop_last = true});
  if (loader.batches() == 0) fail(photos.size(), " training photos make no batch of ", o.batch);

  // 2. The net, with a head of our own. What the weight file has in the same shape replaces the random start.
  ResNet<float> net{{.depth = 50, .num_classes = static_cast<std::int64_t>(photos.classes().size())}};
  initialize(net, seed);
  if (!o.weights.empty()) std::cout << load_into(net, load_safetensors(o.weights), {.strict = false}) << '\n';

  // 3. What changes it: one cycle of the learning rate, up for a quarter of the steps, then down to nothing. Weights
  // that have learnt before take smaller steps than the new head.
  const std::int64_t steps = o.epochs * loader.batches();
  const OneCycleLR schedule{.max_lr = o.lr, .total_steps = steps, .pct_start = 0.25, .cycle_momentum = false};
  SGD optimizer({{.parameters = trainable(net, {"fc"})},
                 {.parameters = trainable_except(net, {"fc"}), .lr_scale = o.weights.empty() ? 1 : 0.1}},
                {.momentum = 0.9, .weight_decay = 1e-4, .nesterov = true});

  // 4. Step by step: forward, loss, gradients, update.
  const Interrupt interrupt;
  TrainingProgress progress(o.epochs, loader.batches());
  std::int64_t step = 0;
  double test_accuracy = 0;
  for (std::int64_t epoch = 0; epoch < o.epochs && !interrupt.asked(); ++epoch) {
    auto batches = loader.epoch(static_cast<std::uint64_t>(epoch));  // decoded on a second thread, ahead of us
    while (const auto batch = batches.next()) {
      Training scope(seed, static_cast<std::uint64_t>(step));  // batch norm uses the statistics of this batch
      Tape tape(trainable(net));                               // records what happens to the parameters
      const Tensor<float> logits = net(batch->images);
      const Tensor<float> loss = cross_entropy(logits, batch->labels, {.label_smoothing = 0.1});
      if (!std::isfinite(loss.item()))
        fail("the loss of step ", step, " is ", loss.item(), "; FOVEA_CHECK=finite names the op that made it");
      optimizer.set_lr(schedule.lr(step++));
      optimizer.step(tape.backward(loss));  // dloss/dparameter, and a step down
      scope.commit();                       // the running statistics move
      progress.step(loss.item(), count_correct(logits, batch->labels), batch->labels.numel());
      if (interrupt.asked()) break;
    }
    progress.end_epoch(test_accuracy = accuracy(net, test, o.batch));
  }

  if (!o.save.empty()) save(net, photos, o.save);
  std::printf("%s after %lld steps: test accuracy %.2f %%\n", step < steps ? "stopped" : "trained",
              static_cast<long long>(step), 100 * test_accuracy);
}

// DIR and --name value pairs; false if that is not what the arguments are.
bool parse(int argc, char** argv, Options& o) {
  const std::map<std::string, std::int64_t*> counts = {
      {"--size", &o.size}, {"--batch", &o.batch}, {"--epochs", &o.epochs}, {"--seed", &o.seed}};
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name[0] != '-') {
      o.folder = name;
      continue;
    }
    if (++i == argc) return false;
    if (name == "--weights" || name == "--save") {
      (name == "--save" ? o.save : o.weights) = argv[i];
      continue;
    }
    char* end = argv[i];
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
                 "usage: train_resnet50 DIR [--size 224] [--batch 16] [--epochs 20] [--lr 0.01] [--seed 1]\n"
                 "                          [--weights FILE] [--save FILE.safetensors]\n");
    return 2;
  }
  try {
    train(o);
  } catch (const Error& e) {
    std::fprintf(stderr, "train_resnet50: %s\n", e.what());
    return 1;
  }
}
