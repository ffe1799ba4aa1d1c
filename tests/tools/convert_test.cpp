// `fovea convert` and `fovea info`: what is written, what is refused, what is shown.
#include <fovea/io/weights.h>
#include <support/catch.h>
#include <support/support.h>
#include <tools/program.h>
#include <tools/small_net.h>

namespace fovea {
namespace {
using namespace test;
using Document = nlohmann::ordered_json;
using Names = std::vector<std::string>;

Document info(const std::string& path, const Names& more = {}) {
  Names arguments = {"info", path, "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Ran ran = fovea_program(arguments);
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  return ran.json();
}

Document answers(const std::string& photos, const Names& more) {
  Names arguments = {"classify", photos, "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Ran ran = fovea_program(arguments);
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  Document all = Document::array();
  const Document d = ran.json();
  for (const Document& image : d.at("images")) all.push_back(image.at("top"));
  return all;
}

// A run that must be refused leaves nothing behind.
void check_refused(const TemporaryFolder& folder, const Names& arguments, int code, const Names& said) {
  const std::size_t files = folder.file_count();
  const Ran ran = fovea_program(arguments);
  INFO(ran.err);
  CHECK(ran.code == code);
  CHECK(ran.out.empty());
  for (const std::string& part : said) {
    INFO(part);
    CHECK(contains(ran.err, part));
  }
  CHECK(folder.file_count() == files);
}

TEST_CASE("PyTorch's files, legacy and zip, become a safetensors file that gives the same answers by itself") {
  if (!needs("data")) return;
  const TemporaryFolder folder;
  const std::string photos = write_cifar(folder, "photos.bin", {0, 1, 2, 3}),
                    out = (folder / "out.safetensors").string();
  for (const char* name : {"resnet20.th", "resnet20-zip.pth"}) {
    CAPTURE(name);
    const std::string in = shared_data(std::string("weights/cifar10/") + name).string();
    const Ran ran = fovea_program({"convert", in, out, "--model", "resnet20"});
    INFO(ran.err);
    REQUIRE(ran.code == 0);
    CHECK(contains(ran.out, out + ": "));
    CHECK(answers(photos, {"--weights", out}) == answers(photos, {"--weights", in, "--model", "resnet20"}));
    CHECK(Document::parse(info(out).at("metadata").at("fovea.model").get<std::string>()).at("name") == "resnet20");
    CHECK(info(out).at("metadata").at("fovea.format") == "1");
  }
}

TEST_CASE("convert keeps the values, the order-free names and the metadata, and flags override it") {
  const TemporaryFolder folder;
  Metadata metadata = kSmallNetMetadata;
  metadata.emplace_back("note", "kept as it is");
  metadata.emplace_back("fovea.license", "the old one");
  const std::string in = write_small_net(folder / "in.safetensors", metadata);
  const std::string out = (folder / "out.safetensors").string();
  const std::string classes = folder.write("classes.txt", "a\nb, synonym\nc\r\nd\ne\nf\ng\nh\ni\nlast").string();
  REQUIRE(fovea_program({"convert", in, out, "--license", "MIT", "--origin", "a test", "--classes", classes}).code ==
          0);
  const Document m = info(out).at("metadata");
  CHECK(m.at("note") == "kept as it is");
  CHECK(m.at("fovea.license") == "MIT");
  CHECK(m.at("fovea.origin") == "a test");
  CHECK(m.at("fovea.classes") == R"(["a","b","c","d","e","f","g","h","i","last"])");
  CHECK(m.at("fovea.model") == kSmallNetMetadata[1].second);
  CHECK(m.at("fovea.preprocess") == kSmallNetMetadata[2].second);
  const TensorFile written = load_safetensors(out);
  for (const auto& [name, tensor] : small_net_tensors())
    CHECK(std::ranges::equal(written.at(name).as<float>().values(), tensor.as<float>().values()));
  const std::string photos = write_cifar(folder, "photos.bin", {0, 1});
  const Document named = answers(photos, {"--weights", out}), plain = answers(photos, {"--weights", in});
  CHECK(named[0][0].at("class") == plain[0][0].at("class"));
  CHECK(named[0][0].at("probability") == plain[0][0].at("probability"));
  CHECK(named[0][0].at("name").get<std::string>().size() <= 4);

  // A new architecture option does not throw away what the file says of its preprocessing; --preprocess does.
  REQUIRE(fovea_program({"convert", in, out, "--model", "resnet20", "--option", "padding=same"}).code == 0);
  CHECK(Document::parse(info(out).at("metadata").at("fovea.model").get<std::string>()).at("options").at("padding") ==
        "same");
  CHECK(info(out).at("metadata").at("fovea.preprocess") == kSmallNetMetadata[2].second);
  const std::string other =
      R"({"resize":40,"crop":32,"mean":[0.5,0.5,0.5],"std":[1.0,1.0,1.0],"interpolation":"bicubic"})";
  REQUIRE(fovea_program({"convert", in, out, "--preprocess", folder.write("p.json", other).string()}).code == 0);
  CHECK(Document::parse(info(out).at("metadata").at("fovea.preprocess").get<std::string>()) == Document::parse(other));
  REQUIRE(fovea_program({"convert", in, in, "--license", "in place"}).code == 0);
  CHECK(info(in).at("metadata").at("fovea.license") == "in place");
}

TEST_CASE("convert --half halves the file, changes the answers little and refuses what float16 cannot hold") {
  const TemporaryFolder folder;
  const std::string in = write_small_net(folder / "in.safetensors"), out = (folder / "out.safetensors").string();
  REQUIRE(fovea_program({"convert", in, out, "--half"}).code == 0);
  const Document before = info(in), after = info(out);
  CHECK(after.at("bytes").get<double>() < 0.55 * before.at("bytes").get<double>());
  CHECK(after.at("values") == before.at("values"));
  for (const Document& t : after.at("tensors")) CHECK(t.at("dtype") == "float16");
  const std::string photos = write_cifar(folder, "photos.bin", {0, 1, 2});
  const Document wide = answers(photos, {"--weights", in}), half = answers(photos, {"--weights", out});
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(half[i][0].at("probability").get<double>() ==
          Approx(wide[i][0].at("probability").get<double>()).margin(5e-3));

  save_safetensors(folder / "large.safetensors", {{"w", Tensor<float>({2}, 70000.0f)}}, {});
  check_refused(folder,
                {"convert", (folder / "large.safetensors").string(), (folder / "x.safetensors").string(), "--half"}, 4,
                {"--half", "w", "70000", "65,504"});
}

TEST_CASE("convert --rename maps the names of another project") {
  const TemporaryFolder folder;
  NamedTensors tensors = small_net_tensors("backbone.");
  for (auto& [name, t] : tensors)  // another project's name of the last layer
    if (name.starts_with("backbone.linear.")) name.replace(9, 6, "head");
  tensors.emplace_back("optimizer.step", Tensor<float>({1}));
  save_safetensors(folder / "in.safetensors", tensors, {});
  const std::string in = (folder / "in.safetensors").string(), out = (folder / "out.safetensors").string();
  const std::string rules = folder
                                .write("rules.txt",
                                       "# from another project\nstrip backbone.\nrename ^head\\.(\\w+)$ -> linear.$1\n"
                                       "drop ^optimizer\\.\n")
                                .string();
  const Ran ran = fovea_program({"convert", in, out, "--model", "resnet20", "--rename", rules});
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(info(out).at("tensors").size() == small_net_tensors().size());

  check_refused(folder, {"convert", in, (folder / "x.safetensors").string(), "--model", "resnet20"}, 4,
                {"does not fit the network", "missing", "unexpected", "backbone."});
  folder.write("rules.txt", "strip backbone.\nrenme a -> b\n");
  check_refused(folder, {"convert", in, (folder / "x.safetensors").string(), "--rename", rules}, 4, {rules, "line 2"});
}

TEST_CASE("convert refuses what does not fit, names it, and leaves no file") {
  const TemporaryFolder folder;
  const std::string in = write_small_net(folder / "in.safetensors"), out = (folder / "out.safetensors").string();
  check_refused(folder, {"convert", in, out, "--model", "resnet32"}, 4,
                {in, "60 are missing", "layer1.3.conv1.weight 16x16x3x3"});
  check_refused(folder, {"convert", in, out, "--model", "resnet20", "--option", "num_classes=7"}, 4,
                {"linear.weight", "10x64", "7x64"});
  check_refused(folder, {"convert", in, out, "--model", "resnet2O"}, 2, {"did you mean 'resnet20'?"});
  check_refused(folder, {"convert", in, out, "--model", "resnet20", "--option", "pading=same"}, 2, {"'padding'"});
  check_refused(folder, {"convert", in, out, "--model", "resnet20", "--option", "padding"}, 2, {"KEY=VALUE"});
  check_refused(folder, {"convert", in, out, "--option", "padding=same"}, 2, {"--model"});
  check_refused(folder, {"convert", "nowhere.pth", out}, 1, {"nowhere.pth"});
  const std::string text = folder.write("text.pth", "these are no weights").string();
  check_refused(folder, {"convert", text, out}, 4, {text});
  const std::string nine = folder.write("nine.txt", "1\n2\n3\n4\n5\n6\n7\n8\n9\n").string();
  check_refused(folder, {"convert", in, out, "--classes", nine}, 4, {"9 names for the 10 classes"});
  const std::string gap = folder.write("gap.txt", "1\n2\n\n4\n").string();
  check_refused(folder, {"convert", in, out, "--classes", gap}, 4, {gap, "line 3"});
}

TEST_CASE("convert refuses a malformed preprocessing and names the file and the member") {
  const TemporaryFolder folder;
  const std::string in = write_small_net(folder / "in.safetensors"), out = (folder / "out.safetensors").string();
  struct Case {
    const char *json, *said;
  };
  for (const Case& c :
       {Case{"{\"resize\":", "at byte"},
        {R"({"resize":32})", "no member \"crop\""},
        {R"({"resize":32,"crop":-1,"mean":[0,0,0],"std":[1,1,1],"interpolation":"bilinear"})", "crop is -1"},
        {R"({"resize":32,"crop":32,"mean":[0,0,0],"std":[1,0,1],"interpolation":"bilinear"})", "std[1]"},
        {R"({"resize":32,"crop":32,"mean":[0,0],"std":[1,1,1],"interpolation":"bilinear"})", "mean has 2 values"},
        {R"({"resize":32,"crop":32,"mean":[0,0,0],"std":[1,1,1],"interpolation":"bilinar"})", "'bilinear'"},
        {R"({"resize":32,"crop":32,"mean":[0,0,0],"std":[1,1,1],"interpolation":"box","bgr":true})", "'bgr'"}}) {
    const std::string file = folder.write("p.json", c.json).string();
    check_refused(folder, {"convert", in, out, "--preprocess", file}, 4, {file, c.said});
  }
}

TEST_CASE("where OUT cannot be written convert ends with 1 and leaves no part of a file") {
  const TemporaryFolder folder;
  const std::string in = write_small_net(folder / "in.safetensors");
  const std::string nowhere = (folder / "no/such/folder/out.safetensors").string();
  check_refused(folder, {"convert", in, nowhere}, 1, {nowhere});
  std::filesystem::create_directory(folder / "taken");
  check_refused(folder, {"convert", in, (folder / "taken").string()}, 1, {(folder / "taken").string()});
  CHECK(std::filesystem::is_empty(folder / "taken"));
}

TEST_CASE("info shows size, tensors, parameters and metadata") {
  const std::string net = source_file("models/efficientnet-lite0.safetensors").string();
  const Ran ran = fovea_program({"info", net});
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  const Names lines = lines_of(ran.out);
  CHECK(contains(lines[0], net + ": 9.4 MB, 296 tensors, 4,652,008 parameters"));
  CHECK(contains(ran.out, "fovea.model = {\"name\":\"efficientnet_lite0\""));
  CHECK(contains(ran.out, "  _conv_stem.weight "));
  CHECK(contains(ran.out, " float16   32x3x3x3"));
  for (const std::string& line : lines) CHECK(line.size() <= 300);  // the class names are shortened

  const Document d = info(net);
  CHECK(keys(d) == Names{"schema", "path", "bytes", "parameters", "values", "metadata", "tensors"});
  CHECK(d.at("schema") == "fovea.info/1");
  CHECK(d.at("bytes") == std::filesystem::file_size(net));
  CHECK(d.at("bytes") <= 9'600'000);
  CHECK(d.at("parameters") == 4652008);
  REQUIRE(d.at("tensors").size() == 296);
  CHECK(keys(d.at("tensors")[0]) == Names{"name", "dtype", "shape"});
  CHECK(Document::parse(d.at("metadata").at("fovea.classes").get<std::string>()).size() == 1000);
  CHECK(fovea_program({"info", "efficientnet-lite0"}).out == ran.out);  // found by name
}

TEST_CASE("info --stats shows the range and a histogram of every tensor") {
  const TemporaryFolder folder;
  Tensor<float> values({4}), empty({0}), broken({2});
  for (int i = 0; i < 4; ++i) values.mutable_data()[i] = static_cast<float>(i);
  broken.mutable_data()[0] = std::numeric_limits<float>::quiet_NaN();
  const std::string file = (folder / "t.safetensors").string();
  save_safetensors(file, {{"values", values}, {"empty", empty}, {"broken", broken}}, {});
  const Document d = info(file, {"--stats"});
  for (const Document& t : d.at("tensors")) {
    const Document& s = t.at("stats");
    CHECK(keys(s) == Names{"min", "max", "mean", "std", "not_finite", "histogram"});
    std::int64_t counted = s.at("not_finite");
    for (const Document& n : s.at("histogram")) counted += n.get<std::int64_t>();
    CHECK(counted == (t.at("name") == "values" ? 4 : t.at("name") == "broken" ? 2 : 0));
    if (t.at("name") == "broken") CHECK(s.at("not_finite") == 1);
    if (t.at("name") != "values") continue;
    CHECK(s.at("min") == 0.0);
    CHECK(s.at("max") == 3.0);
    CHECK(s.at("mean") == 1.5);
    CHECK(s.at("std").get<double>() == Approx(std::sqrt(1.25)));
    CHECK(s.at("histogram")[0] == 1);
    CHECK(s.at("histogram")[15] == 1);
  }
  const Ran ran = fovea_program({"info", file, "--stats"});
  CHECK(contains(ran.out, "0 .. 3, mean 1.5, std 1.118"));
  CHECK(contains(ran.out, "1 NOT FINITE"));
}

}  // namespace
}  // namespace fovea
