// A small network (CIFAR ResNet-20 with seeded weights) and CIFAR-10 files for it, so that the program is tested
// without the data folder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <fovea/io/load.h>
#include <fovea/io/safetensors.h>
#include <fovea/models/create.h>
#include <io/temporary_folder.h>
#include <support/support.h>

namespace fovea::test {

inline const Metadata kSmallNetMetadata = {
    {"fovea.format", "1"},
    {"fovea.model", R"({"name":"resnet20","options":{"num_classes":"10"}})"},
    {"fovea.preprocess",
     R"({"resize":32,"crop":32,"mean":[0.5,0.5,0.5],"std":[0.25,0.25,0.25],"interpolation":"bilinear"})"}};

// Weights in [-0.2, 0.2] and variances of 1: answers that differ from photo to photo.
inline NamedTensors small_net_tensors(const std::string& prefix = "") {
  AnyNet net = models::create("resnet20");
  Random random(20);
  NamedTensors tensors;
  for_each_tensor(net, [&](const std::string& name, auto& t, bool) {
    Tensor<float> value(t.shape());
    for (std::int64_t i = 0; i < value.numel(); ++i)
      value.mutable_data()[i] =
          name.ends_with("running_var") ? 1.0f : 1e-4f * static_cast<float>(random.between(-2000, 2000));
    tensors.emplace_back(prefix + name, value);
  });
  return tensors;
}

inline std::string write_small_net(const std::filesystem::path& path, const Metadata& metadata = kSmallNetMetadata,
                                   const std::string& prefix = "") {
  save_safetensors(path, small_net_tensors(prefix), metadata);
  return path.string();
}

// Records with the given labels and seeded pixels, smooth enough to differ from one another.
inline std::string write_cifar(const TemporaryFolder& folder, const std::string& name, const std::vector<int>& labels) {
  std::string bytes;
  Random random(10);
  for (const int label : labels) {
    bytes += static_cast<char>(label);
    for (int channel = 0; channel < 3; ++channel) {
      const std::int64_t base = random.between(0, 255), slope = random.between(-7, 7);
      for (int i = 0; i < 1024; ++i)
        bytes += static_cast<char>((base + slope * (i % 32) + random.between(0, 40)) & 255);
    }
  }
  return folder.write(name, bytes).string();
}

}  // namespace fovea::test
