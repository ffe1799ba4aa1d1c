// The 8-bit crops that the reference logits were computed from, made again from the photos.
#include <fovea/image.h>
#include <image/reference.h>
#include <support/catch.h>
#include <sstream>

using namespace fovea;
using namespace fovea::test;

namespace {

// The first 8 validation photos in the order of labels.txt, then the 8 demo photos by name.
std::vector<std::filesystem::path> photos() {
  std::vector<std::filesystem::path> out;
  std::istringstream labels(read_text(shared_data("imagenet-val/labels.txt")));
  for (std::string line; out.size() < 8 && std::getline(labels, line);)
    out.push_back(shared_data("imagenet-val") / line.substr(0, line.find(' ')));
  for (const auto& f : std::filesystem::directory_iterator(shared_data("photos"))) {
    const std::vector<std::uint8_t> bytes = read_bytes(f.path());
    if (image_signature(std::as_bytes(std::span(bytes))).format != ImageFormat::unknown) out.push_back(f.path());
  }
  std::sort(out.begin() + 8, out.end());
  return out;
}

}  // namespace

TEST_CASE("the stored 16 crops come out of the photos bit for bit") {
  if (!needs("data") || !needs("turbojpeg")) return;
  const auto crops =
      load_safetensors(shared_data("weights/reference/crops-u8.safetensors")).at("crops").as<std::uint8_t>();
  const auto files = photos();
  REQUIRE(crops.shape() == Shape{static_cast<std::int64_t>(files.size()), 224, 224, 3});
  for (std::size_t i = 0; i < files.size(); ++i) {
    INFO(files[i]);
    const Tensor<std::uint8_t> ours = crop_u8(load_image(files[i]).pixels, {});
    const auto n = static_cast<std::int64_t>(i);
    CHECK(std::ranges::equal(ours.values(), crops.view(n, n + 1).values()));
  }
}
