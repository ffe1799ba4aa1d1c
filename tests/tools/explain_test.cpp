// `fovea explain`: the picture that it writes, what it prints, how it ends.
#include <fovea/image/decode.h>
#include <support/catch.h>
#include <support/support.h>
#include <tools/program.h>
#include <tools/small_net.h>

namespace fovea {
namespace {
using namespace test;
using Names = std::vector<std::string>;

std::string photo(const std::string& name) { return source_file("examples/photos/" + name).string(); }

// One line on stderr that holds `part`, nothing on stdout, and this exit code.
void check_refused(const Ran& ran, int code, const std::string& part) {
  CAPTURE(ran.err, part);
  CHECK(ran.code == code);
  CHECK(ran.out.empty());
  CHECK(contains(ran.err, part));
}

TEST_CASE("explain writes the photo and its heat map, and says the class, its probability and the layer") {
  const TemporaryFolder folder;
  const Ran ran = fovea_program({"explain", photo("chelsea.png")}, {.folder = folder / ""});
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(contains(ran.out, "chelsea.png  451x300"));
  CHECK(contains(ran.out, "tiger cat  37.7 %"));
  CHECK(contains(ran.out, "Grad-CAM of _bn1"));
  CHECK(contains(ran.out, "chelsea-gradcam.png: the photo and its heat map"));
  CHECK(folder.file_count() == 1);  // no temporary file is left
  const Decoded picture = load_image(folder / "chelsea-gradcam.png");
  CHECK(picture.format == "PNG");
  CHECK(picture.pixels.size(1) > 2 * 451);
  CHECK(picture.pixels.size(0) > 300);
}

TEST_CASE("explain --json is one document, of a class by name or by number") {
  const TemporaryFolder folder;
  const std::string out = (folder / "cat.png").string();
  const Ran by_name =
      fovea_program({"explain", photo("chelsea.png"), "--class", "Tabby", "--layer", "_blocks", "-o", out, "--json"});
  INFO(by_name.err);
  REQUIRE(by_name.code == 0);
  const nlohmann::ordered_json d = by_name.json(), e = d.at("explain");
  CHECK(keys(d) == Names{"schema", "model", "path", "width", "height", "explain", "picture"});
  CHECK(d.at("schema") == "fovea.explain/1");
  CHECK(d.at("model").at("name") == "efficientnet_lite0");
  CHECK(d.at("width") == 451);
  CHECK(d.at("height") == 300);
  CHECK(d.at("picture") == out);
  CHECK(keys(e) == Names{"method", "name", "class", "probability", "layer"});
  CHECK(e.at("method") == "gradcam");
  CHECK(e.at("name") == "tabby");
  CHECK(e.at("class") == 281);
  CHECK(e.at("layer") == "_blocks.15");
  CHECK(e.at("probability").get<double>() == Approx(0.168).margin(0.01));
  CHECK(std::filesystem::exists(out));
  const Ran by_number = fovea_program(
      {"explain", photo("chelsea.png"), "--class", "281", "--layer", "_blocks.15", "--out", out, "--json"});
  CHECK(by_number.out == by_name.out);
}

TEST_CASE("explain runs each method on a network of its own choice") {
  const TemporaryFolder folder;
  const std::string net = write_small_net(folder / "net.safetensors");
  for (const std::string method : {"gradcam", "ig", "occlusion"}) {
    CAPTURE(method);
    const std::string out = (folder / (method + ".png")).string();
    const Ran ran =
        fovea_program({"explain", photo("rocket.jpg"), "--weights", net, "--method", method, "-o", out, "--json"});
    INFO(ran.err);
    REQUIRE(ran.code == 0);
    const nlohmann::ordered_json e = ran.json().at("explain");
    CHECK(e.at("method") == method);
    CHECK(e.contains("layer") == (method == "gradcam"));
    CHECK(e.contains("steps") == (method == "ig"));
    CHECK(std::filesystem::exists(out));
  }
}

TEST_CASE("explain refuses an unknown class, layer, method or photo, and writes nothing") {
  const TemporaryFolder folder;
  const std::string cat = photo("chelsea.png");
  const auto run = [&](Names arguments) {
    arguments.insert(arguments.begin(), "explain");
    return fovea_program(std::move(arguments), {.folder = folder / ""});
  };
  check_refused(run({cat, "--class", "tigr cat"}), 2, "did you mean 'tiger cat'?");
  check_refused(run({cat, "--class", "wheel"}), 2, "; there are 'car wheel', 'paddlewheel', ");
  check_refused(run({cat, "--class", "dog"}), 2, ", ...");
  check_refused(run({cat, "--class", "crane"}), 2, "the classes 134 and 517 have this name");
  check_refused(run({cat, "--class", "1000"}), 2, "the classes 0 to 999");
  check_refused(run({cat, "--class=-1"}), 2, "the classes 0 to 999");
  check_refused(run({cat, "--layer", "_block"}), 2, "did you mean '_blocks");
  check_refused(run({cat, "--layer", "_fc"}), 2, "a feature map 1 H W C is wanted");
  check_refused(run({cat, "--method", "grad"}), 2, "gradcam");
  check_refused(run({cat, "--method", "occlusion", "--layer", "_bn1"}), 2, "only gradcam looks at one");
  check_refused(run({(folder / "no.jpg").string()}), 1, "no such file");
  check_refused(run({cat, "-o", (folder / "no/x.png").string()}), 1, "no/x.png");
  check_refused(run({cat, "--weights", (folder / "no.safetensors").string()}), 1, "no.safetensors");
  CHECK(folder.file_count() == 0);
  const std::string net = write_small_net(folder / "net.safetensors");
  check_refused(run({cat, "--weights", net, "--class", "cat"}), 2, "names no classes; give a number, 0 to 9");
  folder.write("text.jpg", "no photo");
  check_refused(run({(folder / "text.jpg").string()}), 4, "text.jpg");
}

}  // namespace
}  // namespace fovea
