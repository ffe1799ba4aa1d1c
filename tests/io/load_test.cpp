#include <fovea/io/load.h>

#include <fovea/io/safetensors.h>
#include <support/catch.h>
#include <support/support.h>

#include "temporary_folder.h"

namespace fovea::test {
namespace {

struct Leaf {
  Tensor<float> weight{Shape{2, 2}, -1.0f};
  Tensor<float> bias{Shape{2}, -1.0f};
  static void visit(auto&& self, auto&& v) {
    v.parameter("weight", self.weight);
    v.buffer("bias", self.bias);
  }
};
struct Net {
  std::vector<Leaf> layers = std::vector<Leaf>(2);
  std::optional<Leaf> head;
  static void visit(auto&& self, auto&& v) {
    v("layers", self.layers);
    v("head", self.head);
  }
};

NamedTensors matching() {
  return {{"layers.0.weight", Tensor<float>({2, 2}, {1, 2, 3, 4})},
          {"layers.0.bias", Tensor<half>({2}, {half(0.5f), half(1.0f)})},
          {"layers.1.weight", Tensor<double>({2, 2}, {5, 6, 7, 8})},
          {"layers.1.bias", Tensor<bf16>({2}, {bf16(2.0f), bf16(3.0f)})}};
}
TensorFile file_of(NamedTensors tensors) {
  TensorFile file;
  file.path = "net.safetensors";
  file.tensors = std::move(tensors);
  return file;
}
std::string failure(Net& net, const TensorFile& file) {
  try {
    load_into(net, file);
  } catch (const Error& e) {
    CHECK(e.code() == Code::bad_data);
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("tensors of a file go into the module by name, floating types converted") {
  Net net;
  const LoadReport report = load_into(net, file_of(matching()));
  CHECK(report.clean());
  CHECK(report.matched.size() == 4);
  CHECK(net.layers[0].weight.at(1, 0) == 3);
  CHECK(net.layers[0].bias.at(0) == 0.5f);
  CHECK(net.layers[1].weight.at(1, 1) == 8);
  CHECK(net.layers[1].bias.at(1) == 3);
}

TEST_CASE("a tensor of the module's own type shares the mapped file") {
  const TemporaryFolder folder;
  save_safetensors(folder / "net", matching());
  const TensorFile file = load_safetensors(folder / "net");
  Net net;
  load_into(net, file);
  CHECK(static_cast<const void*>(net.layers[0].weight.data()) == file.at("layers.0.weight").data());
  CHECK(net.layers[0].weight.storage().label() == "layers.0.weight of " + file.path);
  CHECK(net.layers[1].bias.storage().label() == "layers.1.bias of " + file.path);
}

TEST_CASE("strict loading prints the difference and leaves the module alone") {
  NamedTensors tensors = matching();
  tensors[1] = {"layers.0.bias", Tensor<float>({3})};
  tensors[2].first = "layers.1.wieght";
  tensors.emplace_back("extra", Tensor<std::int8_t>({4}));
  Net net;
  const std::string text = failure(net, file_of(tensors));
  CHECK_THAT(text, Catch::Contains(
                       "net.safetensors does not fit the network: 2 tensors match, 1 are missing, 2 unexpected, 1 of"));
  CHECK_THAT(text, Catch::Contains("missing     layers.1.weight 2x2"));
  CHECK_THAT(text, Catch::Contains("unexpected  layers.1.wieght 2x2"));
  CHECK_THAT(text, Catch::Contains("unexpected  extra 4"));
  CHECK_THAT(text, Catch::Contains("mismatched  layers.0.bias: the file has float32 3, the network wants float32 2"));
  CHECK(net.layers[0].weight.at(0, 0) == -1);
}

TEST_CASE("loading that is not strict takes what fits and says what did not") {
  NamedTensors tensors = matching();
  tensors[1] = {"layers.0.bias", Tensor<float>({3})};
  Net net;
  const LoadReport report = load_into(net, file_of(tensors), {.strict = false});
  CHECK(report.mismatched.size() == 1);
  CHECK(net.layers[0].bias.at(0) == -1);
  CHECK(net.layers[0].weight.at(0, 0) == 1);
}

TEST_CASE("integers do not turn into weights, nor do types that cannot be read") {
  NamedTensors tensors = matching();
  tensors[0] = {"layers.0.weight", Tensor<std::int8_t>({2, 2})};
  TensorFile file = file_of(tensors);
  std::erase_if(file.tensors, [](const auto& t) { return t.first == "layers.0.bias"; });
  file.opaque.emplace_back("layers.0.bias", OpaqueTensor{"F8_E4M3", {2}, Tensor<std::uint8_t>({2})});
  Net net;
  const std::string text = failure(net, file);
  CHECK_THAT(text, Catch::Contains("layers.0.weight: the file has int8 2x2, the network wants float32 2x2"));
  CHECK_THAT(text, Catch::Contains("layers.0.bias: the file has F8_E4M3, which cannot be read"));
}

TEST_CASE("a file's batch counters are no difference") {
  NamedTensors tensors = matching();
  tensors.emplace_back("layers.0.num_batches_tracked", Tensor<std::int64_t>(Shape{}));
  Net net;
  CHECK(failure(net, file_of(tensors)).empty());
  tensors.emplace_back("my_num_batches_tracked", Tensor<std::int64_t>(Shape{}));
  CHECK_THAT(failure(net, file_of(tensors)), Catch::Contains("my_num_batches_tracked"));
}

TEST_CASE("a long difference is cut") {
  NamedTensors tensors = matching();
  for (int i = 0; i < 100; ++i) tensors.emplace_back("extra." + std::to_string(i), Tensor<float>(Shape{1}));
  Net net;
  CHECK_THAT(failure(net, file_of(tensors)), Catch::Contains("... and 88 more"));
}

TEST_CASE("a module's tensors are saved and loaded into another") {
  const TemporaryFolder folder;
  Net net;
  net.head.emplace();
  net.head->weight.mutable_data()[3] = 42;
  save_safetensors(folder / "net", named_tensors(net));
  Net other;
  other.head.emplace();
  load_into(other, load_safetensors(folder / "net"));
  CHECK(other.head->weight.at(1, 1) == 42);
}

TEST_CASE("a file that was cut short while mapped does not load") {
  const TemporaryFolder folder;
  NamedTensors tensors = matching();
  save_safetensors(folder / "net", tensors);
  const TensorFile file = load_safetensors(folder / "net");
  std::filesystem::resize_file(folder / "net", 20);
  Net net;
  CHECK_THROWS_WITH(load_into(net, file), Catch::Contains("cut short"));
  CHECK(net.layers[0].weight.at(0, 0) == -1);
}

}  // namespace fovea::test
