// What all commands share: help, version, environment, misspelt words, files that are not there, exit codes.
#include <support/catch.h>
#include <support/support.h>
#include <tools/program.h>
#include <tools/small_net.h>

namespace fovea {
namespace {
using namespace test;
using Names = std::vector<std::string>;

std::string photo(const std::string& name) { return source_file("examples/photos/" + name).string(); }

TEST_CASE("help of the program and of each command fits a screen and shows the defaults") {
  for (const Names& arguments : {Names{"--help"}, {"classify", "--help"}, {"convert", "--help"}, {"info", "--help"}}) {
    CAPTURE(arguments);
    const Ran ran = fovea_program(arguments);
    CHECK(ran.code == 0);
    CHECK(ran.err.empty());
    const Names lines = lines_of(ran.out);
    CHECK(lines.size() >= 8);
    CHECK(lines.size() <= 40);
    for (const std::string& line : lines) {
      INFO(line);
      CHECK(line.size() <= 100);
    }
    CHECK(contains(ran.out, "Exit codes"));
  }
  const Ran help = fovea_program({"--help"});
  for (const char* part : {"classify", "convert", "info", "--version", "FOVEA_MODELS"}) CHECK(contains(help.out, part));
  const Ran classify = fovea_program({"classify", "--help"});
  for (const char* option : {"--weights", "--model", "--option", "--top", "--labels", "--resize", "--crop", "--batch",
                             "--threads", "--json"})
    CHECK(contains(classify.out, option));
  for (const std::string value : {"5", "efficientnet-lite0.safetensors"})  // CLI11 2.3 and from 2.4 on
    CHECK((contains(classify.out, "=" + value) || contains(classify.out, "[" + value + "]")));
}

TEST_CASE("version prints the build, the CPU and its features") {
  const Ran ran = fovea_program({"--version"});
  CHECK(ran.code == 0);
  const Names lines = lines_of(ran.out);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].starts_with("fovea 0."));
  CHECK(contains(lines[0], "JPEG by "));
  CHECK(lines[1].starts_with("CPU "));
  CHECK(lines[2].starts_with("kernels scalar"));
  CHECK(contains(fovea_program({"--version"}, {.environment = {"FOVEA_CPU=scalar"}}).out, "capped at scalar"));
}

TEST_CASE("misspelt words are usage errors that name the nearest right one") {
  struct Case {
    Names arguments;
    const char* said;
  };
  for (const Case& c : {Case{{"clasify", "x.jpg"}, "did you mean 'classify'?"},
                        {{"classify", "x.jpg", "--btach", "3"}, "did you mean --batch?"},
                        {{"classify", "x.jpg", "--labls=y"}, "did you mean --labels?"},
                        {{"convert", "a", "b", "--haf"}, "did you mean --half?"},
                        {{"info", "a", "--stat"}, "did you mean --stats?"},
                        {{"--verson"}, "did you mean --version?"},
                        {{"classify"}, "IMG|DIR"},
                        {{"convert", "a"}, "OUT"},
                        {{"info", "a", "b"}, "'b'"},
                        {{"classify", "x.jpg", "--top", "0"}, "--top"},
                        {{"classify", "x.jpg", "--top", "five"}, "--top"},
                        {{"classify", "x.jpg", "--batch", "-1"}, "--batch"},
                        {{"classify", "x.jpg", "--crop", "99999"}, "--crop"},
                        {{"classify", photo("coffee.png"), "--model", "eficientnet_lite0"}, "'efficientnet_lite0'?"}}) {
    CAPTURE(c.arguments);
    const Ran ran = fovea_program(c.arguments);
    INFO(ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(contains(ran.err, c.said));
    CHECK(ran.err.starts_with("fovea: "));
  }
  const Ran nothing = fovea_program({});
  CHECK(nothing.code == 2);
  CHECK(contains(nothing.out + nothing.err, "fovea classify cat.jpg"));
}

TEST_CASE("a photo or folder that is not there is named, with exit code 1") {
  const TemporaryFolder folder;
  CHECK(fovea_program({"classify", "nowhere.jpg"}).code == 1);
  CHECK(contains(fovea_program({"classify", "nowhere.jpg"}).err, "nowhere.jpg"));
  const Ran empty = fovea_program({"classify", (folder / "").string()});
  CHECK(empty.code == 1);
  CHECK(contains(empty.err, "no photo in this folder"));
}

TEST_CASE("weights that are not there: every place that was looked at, and how to get some") {
  const TemporaryFolder folder;
  const Ran ran = fovea_program({"classify", photo("coffee.png"), "--weights", "missing-net"},
                                {.environment = {"FOVEA_MODELS=/first/place:/second"}, .folder = folder / ""});
  CHECK(ran.code == 1);
  CHECK(ran.out.empty());
  const std::string beside =
      (std::filesystem::path(FOVEA_PROGRAM).parent_path() / "../share/fovea/models").lexically_normal().string();
  for (const std::string& place :
       {(folder / "missing-net").string(), std::string("/first/place/missing-net"),
        std::string("/second/missing-net.safetensors"), beside + "/missing-net.safetensors",
        source_file("models/missing-net.safetensors").string(), std::string("fovea convert")}) {
    INFO(place);
    CHECK(contains(ran.err, place));
  }
  CHECK(fovea_program({"info", "missing-net"}).code == 1);
}

TEST_CASE("FOVEA_MODELS names folders with weights, the first that has the file wins") {
  const TemporaryFolder one, two;
  write_small_net(two / "mine.safetensors");
  const std::string photos = write_cifar(one, "photos.bin", {0});
  const std::string folders = "FOVEA_MODELS=" + (one / "").string() + ":" + (two / "").string();
  for (const char* name : {"mine", "mine.safetensors"}) {
    const Ran ran = fovea_program({"classify", photos, "--weights", name, "--json"}, {.environment = {folders}});
    INFO(ran.err);
    REQUIRE(ran.code == 0);
    CHECK(ran.json().at("model").at("name") == "resnet20");
    CHECK(
        std::filesystem::equivalent(ran.json().at("model").at("weights").get<std::string>(), two / "mine.safetensors"));
  }
  write_small_net(one / "efficientnet-lite0.safetensors");  // hides the net that ships
  const Ran ran = fovea_program({"classify", photos, "--json"}, {.environment = {folders}});
  CHECK(ran.json().at("model").at("name") == "resnet20");
}

TEST_CASE("FOVEA_CPU caps the kernels, and an unknown name is refused") {
  const TemporaryFolder folder;
  const std::string net = write_small_net(folder / "net.safetensors"), photos = write_cifar(folder, "photos.bin", {0});
  const Names arguments = {"classify", photos, "--weights", net, "--json"};
  const Ran scalar = fovea_program(arguments, {.environment = {"FOVEA_CPU=scalar", "FOVEA_LOG=kernels"}});
  CHECK(scalar.code == 0);
  CHECK(contains(scalar.err, "conv2d_f32_reference") == !contains(scalar.err, "_avx"));
  CHECK(!contains(scalar.err, "_avx"));
  const Ran fast = fovea_program(arguments);
  CHECK(fast.json().at("images")[0].at("top")[0].at("class") == scalar.json().at("images")[0].at("top")[0].at("class"));
  const Ran unknown = fovea_program(arguments, {.environment = {"FOVEA_CPU=avx3"}});
  CHECK(unknown.code == 2);
  CHECK(unknown.out.empty());
  CHECK(contains(unknown.err, "FOVEA_CPU"));
  CHECK(contains(unknown.err, "avx3"));
  CHECK(contains(unknown.err, "avx2"));
}

TEST_CASE("FOVEA_LOG=kernels says on stderr which kernel ran, stdout stays the answer") {
  const TemporaryFolder folder;
  const std::string net = write_small_net(folder / "net.safetensors"), photos = write_cifar(folder, "photos.bin", {0});
  const Ran ran =
      fovea_program({"classify", photos, "--weights", net, "--json"}, {.environment = {"FOVEA_LOG=kernels"}});
  CHECK(ran.code == 0);
  CHECK(ran.json().at("images").size() == 1);
  CHECK(contains(ran.err, "fovea: conv2d_f32"));
  CHECK(contains(ran.err, "weight 16x3x3x3"));
}

TEST_CASE("a reader that goes away, or a full disk, is no crash and no success") {
  const Names info = {"info", "efficientnet-lite0"};
  const Ran closed = fovea_program(info, {.to = Stdout::closed});
  CHECK((closed.signal == SIGPIPE || closed.code == 1));
  const Ran full = fovea_program(info, {.to = Stdout::full});
  CHECK(full.code == 1);
  CHECK(contains(full.err, "stdout"));
  CHECK(fovea_program({"classify", photo("coffee.png"), "--json"}, {.to = Stdout::full}).code == 1);
}

}  // namespace
}  // namespace fovea
