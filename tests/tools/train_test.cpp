// The training examples as a user runs them: a short run on real CIFAR-10 images learns, with the same bits at any
// thread count; what is saved is a weight file that the program uses.
#include <cstdlib>

#include <fovea/image/encode.h>
#include <fovea/io/safetensors.h>
#include <io/temporary_folder.h>
#include <support/catch.h>
#include <support/support.h>
#include <tools/program.h>

namespace fovea {
namespace {
using namespace test;
using Words = std::vector<std::string>;

Ran train(const char* example, Words arguments, int threads, int seconds) {
  arguments.insert(arguments.begin(), example);
  const std::string variable = "FOVEA_THREADS=" + std::to_string(threads);
  Ran ran = run_command(std::move(arguments), {.environment = {variable}, .seconds = seconds});
  INFO(ran.out << ran.err);
  REQUIRE(ran.code == 0);
  REQUIRE_FALSE(lines_of(ran.out).empty());
  return ran;
}

// The number before the " %" that ends the last line.
double last_percentage(const Ran& ran) {
  const std::string last = lines_of(ran.out).back();
  const std::size_t space = last.rfind(' ', last.size() - 3);
  INFO(last);
  REQUIRE(last.ends_with(" %"));
  REQUIRE(space != std::string::npos);
  return std::stod(last.substr(space));
}

TEST_CASE("300 steps of train_cifar10 pass 45 % on images held back, and 20 are the same bits on one thread and two") {
  if (!needs("data") || !needs("djxl")) return;
  const TemporaryFolder folder;
  const std::string images = (folder / "cifar").string(), net = (folder / "net.safetensors").string();
  const Ran unpacked = run_command({shared_data("cifar10/unpack").string(), images, "--train", "2"});
  INFO(unpacked.err);
  REQUIRE(unpacked.code == 0);
  const auto run = [&](Words more, int threads, int seconds) {
    more.insert(more.begin(), {images, "--batch", "96", "--lr", "0.15", "--save", net});
    return train(FOVEA_TRAIN_CIFAR10, more, threads, seconds);
  };

  const Ran learnt = run({"--steps", "300", "--held-back", "2000"}, 2, 600);
  CHECK(last_percentage(learnt) > 45);
  CHECK_THAT(lines_of(learnt.out).back(), Catch::StartsWith("trained after 300 steps: test accuracy "));

  // Parameters and running statistics, byte for byte.
  const Ran two = run({"--steps", "20"}, 2, 200);
  const std::string bits = read_text(net);
  const Ran one = run({"--steps", "20"}, 1, 200);
  CHECK(lines_of(one.out).back() == lines_of(two.out).back());
  CHECK(read_text(net) == bits);

  // The program finds in the file what it needs, and answers as the example did.
  const Ran classified = fovea_program({"classify", "--json", "--weights", net, images + "/test_dev_5000.bin"});
  INFO(classified.err);
  REQUIRE(classified.code == 0);
  CHECK(std::abs(100 * classified.json().at("accuracy").at("top1").get<double>() - last_percentage(one)) < 0.006);
}

// Two classes that differ in colour.
void put_photos(const TemporaryFolder& folder) {
  Random random(seed());
  for (const char* part : {"train", "test"})
    for (const char* colour : {"blue", "red"}) {
      std::filesystem::create_directories(folder / part / colour);
      for (int i = 0; i < 6; ++i) {
        Tensor<std::uint8_t> photo({40 + 3 * i, 50, 3});
        for (std::int64_t p = 0; p < photo.numel(); p += 3)
          photo.mutable_data()[p + (colour[0] == 'b' ? 2 : 0)] = static_cast<std::uint8_t>(random.between(100, 255));
        save_png(folder / part / colour / (std::to_string(i) + ".png"), photo);
      }
    }
}

TEST_CASE("train_resnet50 trains on a folder of photos, and classify uses what it saved") {
  const TemporaryFolder folder;
  put_photos(folder);
  const std::string photos = (folder / "").string(), net = (folder / "net.safetensors").string();
  const Ran ran =
      train(FOVEA_TRAIN_RESNET50,
            {photos, "--size", "32", "--batch", "12", "--epochs", "20", "--lr", "0.001", "--save", net}, 2, 120);
  CHECK_THAT(ran.out, Catch::Contains("12 photos of 2 classes, 12 to test"));
  CHECK_THAT(lines_of(ran.out).back(), Catch::StartsWith("trained after 20 steps: test accuracy "));

  const TensorFile file = load_safetensors(net);
  CHECK(*file.find_metadata("fovea.classes") == R"(["blue","red"])");
  const Ran classified = fovea_program({"classify", "--json", "--weights", net, photos + "/test"});
  INFO(classified.err);
  REQUIRE(classified.code == 0);
  int correct = 0;
  const auto answers = classified.json();
  for (const auto& image : answers.at("images"))
    correct += contains(image.at("path"), "/" + image.at("top")[0].at("name").get<std::string>() + "/") ? 1 : 0;
  CHECK(std::abs(last_percentage(ran) - 100 * correct / 12.0) < 0.006);

  // From its own weights: all of them; a head of another size keeps its start.
  const Ran resumed =
      train(FOVEA_TRAIN_RESNET50, {photos, "--size", "32", "--batch", "12", "--epochs", "1", "--weights", net}, 2, 120);
  CHECK_THAT(resumed.out, Catch::Contains("fits the network: 267 tensors match"));
  std::filesystem::create_directories(folder / "train/white");
  std::filesystem::create_directories(folder / "test/white");
  for (const char* part : {"train", "test"}) save_png(folder / part / "white/1.png", Tensor<std::uint8_t>({40, 40, 3}));
  const Ran wider =
      train(FOVEA_TRAIN_RESNET50, {photos, "--size", "32", "--batch", "13", "--epochs", "1", "--weights", net}, 2, 120);
  CHECK_THAT(wider.out, Catch::Contains("mismatched  fc.weight"));
}

TEST_CASE("wrong arguments print the usage, missing data an error") {
  for (const char* example : {FOVEA_TRAIN_CIFAR10, FOVEA_TRAIN_RESNET50}) {
    for (const Words& wrong : {Words{}, Words{"x", "--lr"}, Words{"x", "--lr", "fast"}, Words{"x", "--colour", "1"}}) {
      Words arguments = wrong;
      arguments.insert(arguments.begin(), example);
      const Ran ran = run_command(arguments);
      CHECK(ran.code == 2);
      CHECK_THAT(ran.err, Catch::Contains("usage: train_"));
    }
    const Ran ran = run_command({example, "/no/such/folder"});
    CHECK(ran.code == 1);
    CHECK_THAT(ran.err, Catch::Contains("/no/such/folder"));
  }
}

}  // namespace
}  // namespace fovea
