// `fovea explain`: the picture that it writes, what it prints, how it ends.
#include <limits>

#include <fovea/image/decode.h>
#include <fovea/image/encode.h>
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
void check_refused(const Ran& ran, int code, const std::string& part, std::size_t lines = 1) {
  CAPTURE(ran.err, part);
  CHECK(ran.code == code);
  CHECK(ran.out.empty());
  CHECK(contains(ran.err, part));
  CHECK(lines_of(ran.err).size() == lines);
}

TEST_CASE("explain writes the photo and its heat map, and says the class, its probability and the layer") {
  const TemporaryFolder folder;
  const Ran ran = fovea_program({"explain", photo("chelsea.png")}, {.folder = folder / ""});
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(contains(ran.out, "chelsea.png  451x300"));
  CHECK(contains(ran.out, "tiger cat  37.7 %"));
  CHECK(contains(ran.out, "Grad-CAM of _head_activation"));
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
  check_refused(run({cat, "--class", "Tabbi"}), 2, "did you mean 'tabby'?");
  check_refused(run({cat, "--class", "wheel"}), 2, "; there are 'car wheel', 'paddlewheel', ");
  check_refused(run({cat, "--class", "dog"}), 2, ", ...");
  check_refused(run({cat, "--class", "crane"}), 2, "the classes 134 and 517 have this name");
  check_refused(run({cat, "--class", "1000"}), 2, "the classes 0 to 999");
  check_refused(run({cat, "--class=-1"}), 2, "the classes 0 to 999");
  check_refused(run({cat, "--layer", "_block"}), 2, "did you mean '_blocks");
  check_refused(run({cat, "--layer", "nope"}), 2, "; known are _conv_stem, _bn0, _blocks, _conv_head, ");
  check_refused(run({cat, "--layer", "_fc"}), 2, "a feature map 1 H W C is wanted");
  check_refused(run({cat, "--method", "grad"}), 2, "gradcam");
  check_refused(run({cat, "--method", "occlusion", "--layer", "_bn1"}), 2, "only gradcam looks at one");
  check_refused(run({(folder / "no.jpg").string()}), 1, "no such file");
  check_refused(run({cat, "-o", (folder / "no/x.png").string()}), 1, "no/x.png");
  check_refused(run({cat, "-o", "cat.jpg"}), 2, "--out cat.jpg: the picture is a PNG");
  const Ran no_weights = run({cat, "--weights", (folder / "no.safetensors").string()});
  check_refused(no_weights, 1, "no.safetensors", lines_of(no_weights.err).size());  // a line a place that was looked at
  CHECK(folder.file_count() == 0);
  const std::string net = write_small_net(folder / "net.safetensors");
  check_refused(run({cat, "--weights", net, "--class", "cat"}), 2, "names no classes; give a number, 0 to 9");
  folder.write("text.jpg", "no photo");
  check_refused(run({(folder / "text.jpg").string()}), 4, "text.jpg");
}

TEST_CASE("explain overwrites neither the photo nor what it was not told to") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "d");
  std::filesystem::copy_file(photo("chelsea.png"), folder / "d/a.png");
  std::filesystem::copy_file(photo("coffee.png"), folder / "a.png");
  const std::string net = write_small_net(folder / "net.safetensors");
  const auto run = [&](Names arguments) {
    arguments.insert(arguments.begin(), {"explain", "--weights", net});
    return fovea_program(std::move(arguments), {.folder = folder / ""});
  };
  const auto before = read_bytes(folder / "a.png");
  check_refused(run({"a.png", "-o", "a.png"}), 2, "--out a.png: that is the photo itself");
  check_refused(run({"a.png", "-o", "d/../a.png"}), 2, "that is the photo itself");
  CHECK(read_bytes(folder / "a.png") == before);
  CHECK(contains(run({"d/a.png"}).out, "a-gradcam.png: the photo and its heat map"));
  const auto first = read_bytes(folder / "a-gradcam.png");
  CHECK(contains(run({"a.png"}).out, "a-gradcam-2.png: the photo and its heat map"));
  CHECK(run({"a.png", "--json"}).json().at("picture") == "a-gradcam-3.png");
  CHECK(read_bytes(folder / "a-gradcam.png") == first);
  CHECK(run({"a.png", "-o", "a-gradcam.PNG"}).code == 0);
  CHECK(run({"a.png", "-o", "a-gradcam.png"}).code == 0);  // named, so written over
  CHECK(read_bytes(folder / "a-gradcam.png") != first);
}

TEST_CASE("a photo that the network cannot take is bad data that names it") {
  const TemporaryFolder folder;
  const std::string strip = (folder / "strip.png").string();
  save_png(strip, Image({1, 20000, 3}));
  check_refused(fovea_program({"explain", strip}, {.folder = folder / ""}), 4, strip);
  CHECK(folder.file_count() == 1);
}

TEST_CASE("a network with a NaN is bad data that says so") {
  const TemporaryFolder folder;
  NamedTensors tensors = small_net_tensors();
  for (auto& [name, t] : tensors) {
    Tensor<float> value = t.as<float>().clone();
    if (name.ends_with("bias")) value.mutable_data()[0] = std::numeric_limits<float>::quiet_NaN();
    t = value;
  }
  save_safetensors(folder / "nan.safetensors", tensors, kSmallNetMetadata);
  const Ran ran = fovea_program(
      {"explain", photo("coffee.png"), "--weights", (folder / "nan.safetensors").string(), "--method", "ig", "--json"},
      {.folder = folder / ""});
  check_refused(ran, 4, "is nan; are all weights finite?");
}

TEST_CASE("a file that does not say its architecture gets the explain line to try") {
  const TemporaryFolder folder;
  const std::string net = write_small_net(folder / "net.safetensors", {});
  const Ran ran = fovea_program({"explain", photo("coffee.png"), "--weights", net}, {.folder = folder / ""});
  check_refused(ran, 4, "Try: fovea explain IMG --weights " + net + " --model NAME", 2);
}

TEST_CASE("explain shows on a terminal how far it is") {
  const TemporaryFolder folder;
  const Ran ran = fovea_program({"explain", photo("coffee.png"), "--method", "occlusion"},
                                {.folder = folder / "", .terminal = true});
  CHECK(ran.code == 0);
  CHECK(contains(ran.err, "/169, "));
}

}  // namespace
}  // namespace fovea
