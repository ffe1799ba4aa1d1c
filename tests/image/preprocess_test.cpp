#include <cmath>

#include <fovea/image/preprocess.h>
#include <image/reference.h>
#include <support/catch.h>
#include <support/support.h>

using namespace fovea;
using namespace fovea::test;
using nlohmann::json;

namespace {

Preprocess options_of(const json& attrs) {
  return {.resize = attrs.at("resize_short_edge"),
          .crop = attrs.at("center_crop"),
          .mean = attrs.at("mean").get<std::array<float, 3>>(),
          .std = attrs.at("std").get<std::array<float, 3>>(),
          .interpolation = filter_by_name(attrs.at("interpolation").get<std::string>())};
}

void check_pixels_case(const ReferenceGroup& group, const std::string& name, const json& attrs) {
  const Preprocess p = options_of(attrs);
  const auto x = group.tensor<std::uint8_t>(name, "in/x");
  const auto crop = group.tensor<std::uint8_t>(name, "out/crop");
  const Tensor<std::uint8_t> ours = crop_u8(x, p);
  REQUIRE(ours.shape() == crop.shape());
  CHECK(std::ranges::equal(ours.values(), crop.values()));
  const Tensor<float> y = group.tensors.at(name + "/out/y").to<float>(), z = preprocess(x, p);
  REQUIRE(z.shape() == y.shape());
  float most = 0;
  for (std::size_t i = 0; i < y.values().size(); ++i) most = std::max(most, std::abs(y.values()[i] - z.values()[i]));
  CHECK(most <= 1e-6f);
}

void check_table(const std::string& name, const json& rows) {
  for (const json& r : rows) {
    INFO(r.dump());
    const ImageSize size{r[0], r[1]};
    if (name == "resize-size-table") {
      CHECK(resized_size(size, r[2]) == ImageSize{r[3], r[4]});
    } else {
      REQUIRE(name == "center-crop-table");
      CHECK(crop_origin(size, r[2]) == ImagePoint{r[3], r[4]});
    }
  }
}

int check_group(const std::filesystem::path& folder) {
  const ReferenceGroup group(folder, "images-preprocess");
  for (const json& c : group.cases) {
    const std::string name = c.at("name");
    INFO(name);
    if (c.at("op") == "table")
      check_table(name, c.at("rows"));
    else
      check_pixels_case(group, name, c.at("attrs"));
  }
  return static_cast<int>(group.cases.size());
}

}  // namespace

TEST_CASE("preprocess equals torchvision in the committed cases") {
  CHECK(check_group(source_file("tests/data/reference")) >= 3);
}

TEST_CASE("preprocess equals torchvision in every reference case") {
  if (!needs("data")) return;
  CHECK(check_group(shared_data("reference")) > 0);
}

TEST_CASE("preprocess options survive JSON and are written as people write them") {
  const Preprocess p{.resize = 232, .crop = 224, .interpolation = Filter::bicubic};
  CHECK(p.to_json().dump() ==
        R"({"resize":232,"crop":224,"mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225],"interpolation":"bicubic"})");
  CHECK(Preprocess::from_json(Json::parse(p.to_json().dump())) == p);
  CHECK_FALSE(Preprocess{} == p);
}

TEST_CASE("preprocess options with a missing, unknown or impossible member are refused by name") {
  const auto read = [](std::string_view text) { return Preprocess::from_json(Json::parse(text)); };
  const std::string good = Preprocess{}.to_json().dump();
  const auto with = [&](std::string_view from, std::string_view to) {
    const std::size_t at = good.find(from);
    REQUIRE(at != std::string::npos);
    return std::string(good).replace(at, from.size(), to);
  };
  CHECK(read(good) == Preprocess{});
  CHECK_THROWS_WITH(read(with("\"crop\":224,", "")), Catch::Contains("crop"));
  CHECK_THROWS_WITH(read(with("\"crop\"", "\"cropp\"")), Catch::Contains("cropp") && Catch::Contains("crop'"));
  CHECK_THROWS_WITH(read(with("224", "-1")), Catch::Contains("crop is -1"));
  CHECK_THROWS_WITH(read(with("224", "1000000")), Catch::Contains("16384"));
  CHECK_THROWS_WITH(read(with("0.229", "0")), Catch::Contains("std[0]"));
  CHECK_THROWS_WITH(read(with("0.485,", "")), Catch::Contains("2 values"));
  CHECK_THROWS_WITH(read(with("bilinear", "bilinea")), Catch::Contains("bilinear"));
  CHECK_THROWS_WITH(read("[]"), Catch::Contains("fovea.preprocess"));
}

TEST_CASE("resize 0 and crop 0 keep the picture") {
  const Tensor<std::uint8_t> image(Shape{20, 30, 3}, 7);
  CHECK(crop_u8(image, {.resize = 0, .crop = 0}).shape() == image.shape());
  CHECK(crop_u8(image, {.resize = 0, .crop = 8}).shape() == Shape{8, 8, 3});
  CHECK(crop_u8(image, {.resize = 10, .crop = 0}).shape() == Shape{10, 15, 3});
}

TEST_CASE("a strip that would grow beyond all bounds is refused before it is allocated") {
  const Tensor<std::uint8_t> strip(Shape{1, 1'000'000, 3});
  CHECK_THROWS_WITH(preprocess(strip, {}), Catch::Contains("256000000x256"));
}
