#include <cstdlib>

#include <fovea/image/resize.h>
#include <image/reference.h>
#include <support/catch.h>
#include <support/support.h>

using namespace fovea;
using namespace fovea::test;
using nlohmann::json;

namespace {

int largest_difference(const Tensor<std::uint8_t>& a, const Tensor<std::uint8_t>& b) {
  REQUIRE(a.shape() == b.shape());
  int most = 0;
  for (std::size_t i = 0; i < a.values().size(); ++i) most = std::max(most, std::abs(a.values()[i] - b.values()[i]));
  return most;
}

// Grey pictures are stored as H W.
Tensor<std::uint8_t> as_hwc(const Tensor<std::uint8_t>& t) {
  return t.rank() == 2 ? t.reshape({t.size(0), t.size(1), 1}) : t;
}

Tensor<std::uint8_t> run_case(const Tensor<std::uint8_t>& x, const std::string& op, const json& attrs) {
  if (op == "reduce") return reduce(x, attrs.at("factor")[0], attrs.at("factor")[1]);
  REQUIRE(op == "resize");
  ResizeOptions o{.width = attrs.at("size_wh")[0],
                  .height = attrs.at("size_wh")[1],
                  .filter = filter_by_name(attrs.at("filter").get<std::string>())};
  if (attrs.contains("box")) o.box = attrs.at("box").get<std::array<float, 4>>();
  return resize(x, o);
}

// Every case of the group; returns how many were compared.
int check_group(const std::filesystem::path& folder) {
  const ReferenceGroup group(folder, "images-resize");
  int compared = 0;
  for (const json& c : group.cases) {
    const std::string name = c.at("name"), op = c.at("op");
    if (op == "source") continue;  // an input of the others
    INFO(name);
    const json& attrs = c.at("attrs");
    const auto x = as_hwc(group.tensor<std::uint8_t>("source-" + attrs.at("source").get<std::string>(), "in/x"));
    CHECK(largest_difference(run_case(x, op, attrs), as_hwc(group.tensor<std::uint8_t>(name, "out/y"))) == 0);
    ++compared;
  }
  return compared;
}

Tensor<std::uint8_t> random_image(Random& random, std::int64_t h, std::int64_t w, std::int64_t c) {
  Tensor<std::uint8_t> t(Shape{h, w, c});
  for (std::uint8_t& v : t.mutable_values()) v = static_cast<std::uint8_t>(random.between(0, 255));
  return t;
}

}  // namespace

TEST_CASE("resize equals Pillow in the committed cases") {
  CHECK(check_group(source_file("tests/data/reference")) >= 2);
}

TEST_CASE("resize equals Pillow in every reference case") {
  if (!needs("data")) return;
  CHECK(check_group(shared_data("reference")) > 0);
}

TEST_CASE("resize gives the same bits with any number of threads") {
  Random random(seed());
  const Tensor<std::uint8_t> image = random_image(random, 301, 203, 3);
  for (const Filter f : {Filter::bilinear, Filter::lanczos}) {
    set_thread_count(1);
    const Tensor<std::uint8_t> one = resize(image, {.width = 97, .height = 410, .filter = f});
    for (const int threads : {2, 7}) {
      set_thread_count(threads);
      CHECK(largest_difference(one, resize(image, {.width = 97, .height = 410, .filter = f})) == 0);
    }
    set_thread_count(0);
  }
}

TEST_CASE("resize treats each channel on its own, whatever their number") {
  Random random(seed());
  const Tensor<std::uint8_t> image = random_image(random, 23, 31, 5);
  const Tensor<std::uint8_t> all = resize(image, {.width = 12, .height = 40, .filter = Filter::bicubic});
  for (std::int64_t c = 0; c < 5; ++c) {
    Tensor<std::uint8_t> one(Shape{23, 31, 1});
    for (std::int64_t i = 0; i < one.numel(); ++i) one.mutable_data()[i] = image.data()[i * 5 + c];
    const Tensor<std::uint8_t> small = resize(one, {.width = 12, .height = 40, .filter = Filter::bicubic});
    for (std::int64_t i = 0; i < small.numel(); ++i) REQUIRE(small.data()[i] == all.data()[i * 5 + c]);
  }
}

TEST_CASE("resize keeps a constant picture constant and the same size the same picture") {
  Random random(seed());
  for (const std::string_view name : kFilterNames) {
    const Filter f = filter_by_name(name);
    const Tensor<std::uint8_t> grey =
        resize(Tensor<std::uint8_t>(Shape{17, 40, 3}, 201), {.width = 9, .height = 55, .filter = f});
    CHECK(std::ranges::all_of(grey.values(), [](int v) { return v == 201; }));
    const Tensor<std::uint8_t> image = random_image(random, 8, 9, 3);
    CHECK(largest_difference(resize(image, {.width = 9, .height = 8, .filter = f}), image) == 0);
  }
}

TEST_CASE("resize refuses wrong shapes, sizes and boxes by name") {
  const Tensor<std::uint8_t> image(Shape{4, 6, 3});
  CHECK_THROWS_WITH(resize(image, {.width = 0, .height = 3}), Catch::Contains("to 0x3"));
  CHECK_THROWS_WITH(resize(image.reshape({24, 3}), {.width = 1, .height = 3}), Catch::Contains("24x3"));
  CHECK_THROWS_WITH(resize(image, {.width = 1, .height = 3, .box = {{0, 0, 7, 4}}}), Catch::Contains("box 0,0,7,4"));
  CHECK_THROWS_WITH(resize(image, {.width = 1, .height = 3, .box = {{2, 0, 2, 4}}}), Catch::Contains("empty"));
  CHECK_THROWS_WITH(filter_by_name("cubic"), Catch::Contains("cubic"));
}
