#include <fovea/io/weights.h>

#include <fovea/io/rename.h>
#include <support/catch.h>
#include <support/support.h>

#include "temporary_folder.h"

namespace fovea::test {
namespace {

TensorFile with_names(const std::vector<std::string>& names) {
  TensorFile file;
  for (const std::string& n : names) file.tensors.emplace_back(n, Tensor<float>(Shape{1}));
  return file;
}
std::vector<std::string> names(const NamedTensors& tensors) {
  std::vector<std::string> out;
  for (const auto& [name, t] : tensors) out.push_back(name);
  return out;
}
using Names = std::vector<std::string>;

std::string message(const std::string& rules) {
  try {
    RenameRules::parse(rules, "rules.txt");
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("the form of a weight file is told by its content, not its name") {
  const TemporaryFolder folder;
  const std::string reference = source_file("tests/data/reference/files").string();
  const auto copy = [&](const std::string& from) {
    std::filesystem::copy_file(reference + "/" + from, folder / "weights.bin",
                               std::filesystem::copy_options::overwrite_existing);
    return load_weights(folder / "weights.bin");
  };
  CHECK(copy("safetensors/ok-one.safetensors").at("w").shape() == Shape{2, 3});
  CHECK(copy("pth/ok-module-zip.pth").tensors.size() == 9);
  CHECK(copy("pth/ok-views-legacy.pth").tensors.size() == 9);
  // A safetensors header of 640 bytes starts as a pickle does: 0x80 0x02.
  std::string header = "{}" + std::string(638, ' ');
  const std::string file = std::string("\x80\x02\0\0\0\0\0\0", 8) + header;
  CHECK(load_weights(folder.write("looks-like-a-pickle", file)).tensors.empty());
}

TEST_CASE("what is no weight file is refused with a reason") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(load_weights(folder / "absent"), Catch::Contains("absent") && Catch::Contains("No such file"));
  CHECK_THROWS_WITH(load_weights(folder.write("a", "<html>not found</html>")), Catch::Contains("neither"));
  CHECK_THROWS_WITH(load_weights(folder.write("b", "")), Catch::Contains("0 bytes"));
  CHECK_THROWS_WITH(load_weights(folder.write("c", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n")),
                    Catch::Contains("git lfs pull"));
}

TEST_CASE("a checkpoint's state dict is taken out, and the prefix of data parallel training") {
  CHECK(names(state_dict(with_names({"epoch", "state_dict/module.a.b", "state_dict/module.c"})).tensors) ==
        Names{"a.b", "c"});
  CHECK(names(state_dict(with_names({"model/a", "optimizer/state/0/exp_avg"})).tensors) == Names{"a"});
  CHECK(names(state_dict(with_names({"model_state_dict/a"})).tensors) == Names{"a"});
  CHECK(names(state_dict(with_names({"module.a", "b"})).tensors) == Names{"module.a", "b"});
  CHECK(names(state_dict(with_names({"state_dict.a"})).tensors) == Names{"state_dict.a"});
  CHECK(names(state_dict(with_names({})).tensors).empty());
  if (!needs("data")) return;
  const TensorFile cifar = state_dict(load_weights(shared_data("weights/cifar10/resnet20.th")));
  CHECK(cifar.at("linear.weight").shape() == Shape{10, 64});
  CHECK(cifar.at("layer1.0.conv1.weight").shape() == Shape{16, 16, 3, 3});
}

TEST_CASE("rename rules strip, rename and drop in their order") {
  const RenameRules rules = RenameRules::parse(
      "# from another project\n"
      "strip backbone.\n"
      "\n"
      "  rename ^blocks\\.(\\d+)\\.bn -> layer.$1.norm  \r\n"
      "drop num_batches_tracked$\n"
      "rename x ->");
  CHECK(rules.apply(std::string("backbone.blocks.12.bn.weight")) == "layer.12.norm.weight");
  CHECK(rules.apply(std::string("head.backbone.w")) == "head.backbone.w");
  CHECK(rules.apply(std::string("xaxb")) == "ab");
  CHECK(rules.apply(std::string("bn.num_batches_tracked")) == std::nullopt);
  CHECK(names(rules.apply(with_names({"backbone.a", "b.num_batches_tracked", "c"}).tensors)) == Names{"a", "c"});
  CHECK_THROWS_WITH(rules.apply(with_names({"backbone.a", "a"}).tensors),
                    Catch::Contains("backbone.a and a both become a"));
  CHECK_THROWS_WITH(rules.apply(std::string(5000, 'a')), Catch::Contains("5000 bytes"));
}

TEST_CASE("a wrong rename rule names its line") {
  CHECK_THAT(message("strip a\nrename ([ -> b"),
             Catch::Contains("rules.txt: line 2") && Catch::Contains("regular expression"));
  CHECK_THAT(message("rename a b"), Catch::Contains("line 1") && Catch::Contains("REGEX -> TEXT"));
  CHECK_THAT(message("\n\nremove a"), Catch::Contains("line 3") && Catch::Contains("\"remove\" is no rule"));
  CHECK_THAT(message("strip"), Catch::Contains("wants a prefix"));
  CHECK_THAT(message("drop"), Catch::Contains("missing"));
  CHECK(message("# nothing\n").empty());
}

}  // namespace fovea::test
