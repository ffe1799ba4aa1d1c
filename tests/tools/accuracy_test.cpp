// The program on the labelled photos of the data folder: the five best classes that PyTorch gives for each photo, and
// the accuracies measured with it. `scripts/test` samples 40 photos, `scripts/test --full` takes all.
#include <cmath>
#include <cstdio>

#include <fovea/io/safetensors.h>
#include <io/temporary_folder.h>
#include <support/catch.h>
#include <support/expand.h>
#include <support/support.h>
#include <tools/program.h>

namespace fovea {
namespace {
using namespace test;
using Document = nlohmann::ordered_json;
using Names = std::vector<std::string>;

struct Network {
  const char* reference;  // weights/reference/NAME.safetensors
  const char* weights;    // below weights/
  Names arguments;        // after --weights
  double top1, top5;      // of the 1,000 photos, measured with PyTorch
};
const Network kLite0 = {
    "efficientnet-lite0", "efficientnet-lite0.pth", {"--model", "efficientnet_lite0"}, 0.881, 0.980};
const Network kCompact[] = {{"resnet50-pq", "resnet50-pq.safetensors", {"--model", "resnet50"}, 0.762, 0.942},
                            {"resnet18-pq", "resnet18-pq.safetensors", {"--model", "resnet18"}, 0.734, 0.922},
                            {"mobilenet_v2-int8-dequantised",
                             "mobilenet_v2-int8.safetensors",
                             {"--model", "mobilenet_v2", "--option", "padding=same"},
                             0.720,
                             0.917}};

TensorFile reference(const Network& n) {
  return load_safetensors(shared_data(std::string("weights/reference/") + n.reference + ".safetensors"));
}

// The preprocessing that the reference says it was made with, as a weight file stores it.
Metadata preprocessing(const Network& n) {
  const TensorFile file = reference(n);
  const std::string mean = *file.find_metadata("mean"), std = *file.find_metadata("std");
  return {{"fovea.preprocess",
           R"({"resize":256,"crop":224,"interpolation":"bilinear","mean":)" + mean + R"(,"std":)" + std + "}"}};
}

// The weights as a file that the program reads; compact ones are expanded into `folder`.
std::string weights_of(const Network& n, const TemporaryFolder& folder) {
  const std::filesystem::path path = shared_data(std::string("weights/") + n.weights);
  if (path.extension() != ".safetensors") return path.string();
  const std::filesystem::path dense = folder / path.filename().string();
  save_safetensors(dense, expand(path).tensors, preprocessing(n));
  return dense.string();
}

Document classify(const Names& photos, const Names& more) {
  Names arguments = {"classify", "--json", "--batch", "8"};
  arguments.insert(arguments.end(), photos.begin(), photos.end());
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Ran ran = fovea_program(arguments, {.seconds = 1500});
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  return ran.json();
}

// The names of imagenet-val/labels.txt, line n = row n of the reference.
Names photo_names() {
  Names names;
  for (const std::string& line : lines_of(read_text(shared_data("imagenet-val/labels.txt"))))
    names.push_back(line.substr(0, line.find(' ')));
  return names;
}

void check_top5(const Network& n, const Document& d, const std::vector<std::int64_t>& rows) {
  const Tensor<std::int32_t> expected = reference(n).at("val_top5").as<std::int32_t>();
  REQUIRE(d.at("images").size() == rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<std::int32_t> found, wanted;
    for (const Document& p : d.at("images")[i].at("top")) found.push_back(p.at("class"));
    for (std::int64_t k = 0; k < 5; ++k) wanted.push_back(expected.data()[rows[i] * 5 + k]);
    INFO(n.reference << ", seed " << seed() << ", " << d.at("images")[i].dump());
    CHECK(found == wanted);
  }
}

TEST_CASE("a sample of labelled photos gets the five classes that PyTorch gives") {
  if (!needs("data") || !needs("turbojpeg")) return;
  const TemporaryFolder folder;
  const Names names = photo_names();
  Random random(seed());
  std::vector<std::int64_t> rows;
  Names photos;
  for (int i = 0; i < 40; ++i) {
    rows.push_back(random.between(0, static_cast<std::int64_t>(names.size()) - 1));
    photos.push_back(shared_data("imagenet-val/" + names[static_cast<std::size_t>(rows.back())]).string());
  }
  Names arguments = {"--weights", weights_of(kLite0, folder)};
  arguments.insert(arguments.end(), kLite0.arguments.begin(), kLite0.arguments.end());
  check_top5(kLite0, classify(photos, arguments), rows);
}

// The whole set with its labels: accuracies within 0.2 points, and every list of five.
Document check_accuracy(const Network& n) {
  const TemporaryFolder folder;
  Names arguments = {"--labels", shared_data("imagenet-val/labels.txt").string(), "--weights", weights_of(n, folder)};
  arguments.insert(arguments.end(), n.arguments.begin(), n.arguments.end());
  const Document d = classify({shared_data("imagenet-val").string()}, arguments);
  const Document& a = d.at("accuracy");
  std::printf("%s on imagenet-val: n %d, top-1 %.2f %%, top-5 %.2f %%\n", n.reference, a.at("n").get<int>(),
              100 * a.at("top1").get<double>(), 100 * a.at("top5").get<double>());
  CHECK(a.at("n") == photo_names().size());
  CHECK(std::abs(a.at("top1").get<double>() - n.top1) <= 0.002);
  CHECK(std::abs(a.at("top5").get<double>() - n.top5) <= 0.002);
  std::vector<std::int64_t> rows(d.at("images").size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int64_t>(i);
  check_top5(n, d, rows);
  return d;
}

TEST_CASE("the accuracy of each ImageNet network is the one that PyTorch measures") {
  if (!full()) return;  // minutes
  if (!needs("data") || !needs("turbojpeg")) return;
  for (const Network& n : kCompact) check_accuracy(n);
  const Document wide = check_accuracy(kLite0);
  const Document half = classify({shared_data("imagenet-val").string()}, {});  // the net that ships
  std::size_t same = 0;
  for (std::size_t i = 0; i < wide.at("images").size(); ++i)
    same += wide.at("images")[i].at("top")[0].at("class") == half.at("images")[i].at("top")[0].at("class") ? 1 : 0;
  std::printf("the float16 net that ships agrees with float32 on %zu of %zu photos\n", same, wide.at("images").size());
  CHECK(static_cast<double>(same) >= 0.995 * static_cast<double>(wide.at("images").size()));
}

TEST_CASE("the accuracy of the CIFAR-10 networks is the one that PyTorch measures, within one image") {
  if (!full()) return;
  if (!needs("data") || !needs("djxl")) return;
  const TemporaryFolder folder;
  const Ran unpacked = run_command({shared_data("cifar10/unpack").string(), (folder / "").string(), "--train", "0"});
  INFO(unpacked.err);
  REQUIRE(unpacked.code == 0);
  struct Net {
    const char *weights, *model;
    double right;  // of 5,000
  };
  for (const Net& n : {Net{"resnet20.th", "resnet20", 4575}, {"resnet56.th", "resnet56", 4648}}) {
    const Document a =
        classify({(folder / "test_dev_5000.bin").string()},
                 {"--weights", shared_data(std::string("weights/cifar10/") + n.weights).string(), "--model", n.model})
            .at("accuracy");
    std::printf("%s on test_dev_5000: n %d, top-1 %.2f %%\n", n.model, a.at("n").get<int>(),
                100 * a.at("top1").get<double>());
    CHECK(a.at("n") == 5000);
    CHECK(std::abs(a.at("top1").get<double>() * 5000 - n.right) <= 1.001);
  }
}

}  // namespace
}  // namespace fovea
