// Every architecture of torchvision's that has formula weights, against the stored logits and stage means.
#include <filesystem>
#include <set>
#include <sstream>

#include <fovea/io/safetensors.h>
#include <fovea/models/create.h>
#include <fovea/nn/taps.h>
#include <models/compare.h>
#include <models/formula.h>
#include <support/catch.h>
#include <support/support.h>

namespace fovea {
namespace {
using namespace test;

std::vector<TensorFile> formula_files() {
  std::vector<TensorFile> files;
  for (const auto& entry : std::filesystem::directory_iterator(shared_data("weights/formula")))
    if (entry.path().extension() == ".safetensors") files.push_back(load_safetensors(entry.path()));
  return files;
}

// "conv1.weight 64x3x7x7" a line, as the file's metadata lists them.
std::string parameter_list(const AnyNet& net) {
  std::ostringstream lines;
  for_each_tensor(
      net, [&](const std::string& name, const Tensor<float>& t, bool) { lines << name << ' ' << t.shape() << '\n'; });
  return lines.str();
}

std::string without_counters(const std::string& list) {
  std::istringstream in(list);
  std::string line, kept;
  while (std::getline(in, line))
    if (line.find("num_batches_tracked") == std::string::npos) kept += line + '\n';
  return kept;
}

// Stages of the file that are modules of ours, in the network's order; torchvision's ReLU and MaxPool2d are functions
// here.
std::vector<std::string> stages(const TensorFile& file, const AnyNet& net) {
  std::set<std::string> stored;
  for (const auto& [name, tensor] : file.tensors)
    if (name.starts_with("stage_mean.")) stored.insert(name.substr(11));
  stored.erase("relu");
  stored.erase("maxpool");
  std::vector<std::string> ordered;
  for (const ModuleKey& key : module_keys(net)) {
    const std::string stage = stored.contains(key.name) ? key.name : key.name.substr(0, key.name.rfind('.'));
    if (stored.erase(stage) > 0) ordered.push_back(stage);
  }
  INFO("first unknown stage: " << (stored.empty() ? "none" : *stored.begin()));
  REQUIRE(stored.empty());
  return ordered;
}

// The network as a whole, and on failure the first stage that differs.
void check_against(const TensorFile& file, AnyNet& net) {
  std::vector<std::string> names = stages(file, net);
  REQUIRE(names.size() >= 6);
  names.push_back("");
  const std::vector<Tensor<float>> outputs = taps(net, formula_input(2, 224, 224), names);
  for (std::size_t i = 0; i + 1 < names.size(); ++i) {
    INFO(net.name() << ": first stage that differs: " << names[i]);
    const Tensor<float> expected = file.at("stage_mean." + names[i]).as<float>();
    REQUIRE(max_difference(spatial_mean(outputs[i]), expected) <= 1e-3 * std::max(1.0, spread(expected)));
  }
  check_logits(net.name() + ", formula weights", outputs.back(), file.at("logits").as<float>());
}

TEST_CASE("formula values are those of the published ten lines") {
  const Formula u("input");
  CHECK(u(0) == Approx(0.99755704).margin(1e-8));
  CHECK(u(1) == Approx(0.34979731).margin(1e-8));
  CHECK(u(2) == Approx(0.77954423).margin(1e-8));
  CHECK(u(3) == Approx(0.10764861).margin(1e-8));
}

TEST_CASE("networks with formula weights have torchvision's names, shapes, stages and logits") {
  if (!needs("data")) return;
  const std::vector<TensorFile> files = formula_files();
  CHECK(files.size() >= 7);
  for (const TensorFile& file : files) {
    CAPTURE(file.path);
    AnyNet net = models::create(*file.find_metadata("arch"));
    CHECK(parameter_list(net) == without_counters(*file.find_metadata("parameters")));
    fill_by_formula(net, std::stod(*file.find_metadata("gain")));
    check_against(file, net);
  }
}

}  // namespace
}  // namespace fovea
