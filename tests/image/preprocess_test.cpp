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
