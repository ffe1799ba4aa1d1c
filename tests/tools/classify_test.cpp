// `fovea classify`: what it prints, what it counts, how it ends.
#include <algorithm>
#include <set>

#include <support/catch.h>
#include <support/support.h>
#include <tools/program.h>
#include <tools/small_net.h>

namespace fovea {
namespace {
using namespace test;
using Document = nlohmann::ordered_json;
using Names = std::vector<std::string>;

std::string photo(const std::string& name) { return source_file("examples/photos/" + name).string(); }

void copy(const std::string& from, const std::filesystem::path& to) {
  std::filesystem::create_directories(to.parent_path());
  std::filesystem::copy_file(from, to);
}

// The document of a run that must go well.
Document classified(Names arguments, const Setting& setting = {}) {
  arguments.insert(arguments.begin(), "classify");
  arguments.push_back("--json");
  const Ran ran = fovea_program(arguments, setting);
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  return ran.json();
}

// The classes and probabilities of each image: what does not change from run to run.
Document answers(const Document& d) {
  Document all = Document::array();
  for (const Document& image : d.at("images")) all.push_back(image.at("top"));
  return all;
}

std::vector<int> best_classes(const Document& d) {
  std::vector<int> best;
  for (const Document& image : d.at("images")) best.push_back(image.at("top").at(0).at("class"));
  return best;
}

TEST_CASE("classify prints a table for people: the photo, names, percentages and bars") {
  const Ran ran = fovea_program({"classify", photo("chelsea.png"), photo("coffee.png"), "--top", "3"});
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(ran.err.empty());
  const Names lines = lines_of(ran.out);
  REQUIRE(lines.size() == 2 * 4 + 1);
  CHECK(lines[0] == photo("chelsea.png") + "  451x300");
  CHECK(lines[4] == photo("coffee.png") + "  600x400");
  CHECK(contains(lines[5], "espresso"));
  CHECK(contains(lines[5], " 95.6 %"));
  CHECK(contains(lines[5], "███████████████████████"));
  CHECK(!contains(lines[7], "██"));
  CHECK(contains(lines[8], "2 photos, efficientnet_lite0 ("));
  CHECK(!contains(ran.out, "accuracy"));
}

TEST_CASE("where the locale is not UTF-8 the table is plain ASCII") {
  const Ran ran = fovea_program({"classify", photo("coffee.png")}, {.environment = {"LC_ALL=C"}});
  REQUIRE(ran.code == 0);
  CHECK(contains(ran.out, "####################"));
  CHECK(std::all_of(ran.out.begin(), ran.out.end(), [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
}

TEST_CASE("classify --json prints one document with exactly the members of fovea.classify/1") {
  const Ran ran = fovea_program({"classify", photo("chelsea.png"), photo("rocket.jpg"), "--json"});
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(ran.err.empty());
  const Document d = ran.json();  // a second document, or a word before it, would not parse
  CHECK(keys(d) == Names{"schema", "model", "images"});
  CHECK(d.at("schema") == "fovea.classify/1");
  CHECK(keys(d.at("model")) == Names{"name", "weights", "sha256", "classes"});
  CHECK(d.at("model").at("name") == "efficientnet_lite0");
  CHECK(d.at("model").at("weights") == source_file("models/efficientnet-lite0.safetensors").string());
  CHECK(d.at("model").at("sha256") == "9478d6ea6d24fc95134190f8d5400b0f242e4d38ebdbf32274ce7add4ed00fea");
  CHECK(d.at("model").at("classes") == 1000);
  REQUIRE(d.at("images").size() == 2);
  CHECK(d.at("images")[0].at("path") == photo("chelsea.png"));
  CHECK(d.at("images")[0].at("width") == 451);
  CHECK(d.at("images")[0].at("height") == 300);
  for (const Document& image : d.at("images")) {
    CHECK(keys(image) == Names{"path", "width", "height", "top", "speed_ms"});
    CHECK(keys(image.at("speed_ms")) == Names{"decode", "preprocess", "inference"});
    for (const Document& time : image.at("speed_ms")) CHECK(time.get<double>() >= 0);
    REQUIRE(image.at("top").size() == 5);
    double before = 1, sum = 0;
    for (const Document& p : image.at("top")) {
      CHECK(keys(p) == Names{"name", "class", "probability"});
      CHECK(p.at("name").is_string());
      CHECK(p.at("class").is_number_integer());
      const double probability = p.at("probability");
      CHECK(probability <= before);
      CHECK(probability > 0);
      before = probability;
      sum += probability;
    }
    CHECK(sum <= 1.0001);
  }
  const std::set<std::string> cats = {"tiger cat", "tabby", "Egyptian cat"};
  CHECK(cats.contains(d.at("images")[0].at("top")[0].at("name")));
  CHECK(d.at("images")[1].at("top")[0].at("name") == "missile");
}

TEST_CASE("one broken photo of a folder: exit code 4, its entry says why, the others are answered") {
  const TemporaryFolder folder;
  copy(photo("chelsea.png"), folder / "cats" / "chelsea.png");
  copy(photo("coffee.png"), folder / "coffee.png");
  folder.write("broken.jpg", "no photo at all");
  folder.write("notes.txt", "no name of a photo: left out");
  folder.write("labels.txt", "# class indices\ncats/chelsea.png 282\nbroken.jpg 1\n\n");
  const Ran ran = fovea_program(
      {"classify", (folder / "").string(), "--labels", (folder / "labels.txt").string(), "--json", "--batch", "3"});
  INFO(ran.err);
  CHECK(ran.code == 4);
  CHECK(contains(ran.err, "broken.jpg"));
  const Document d = ran.json();
  REQUIRE(d.at("images").size() == 3);
  CHECK(d.at("images")[0].at("path") == (folder / "broken.jpg").string());
  CHECK(keys(d.at("images")[0]) == Names{"path", "error"});
  CHECK(contains(d.at("images")[0].at("error"), "broken.jpg"));
  CHECK(d.at("images")[1].at("path") == (folder / "cats/chelsea.png").string());
  CHECK(d.at("images")[2].at("top")[0].at("name") == "espresso");
  CHECK(keys(d.at("accuracy")) == Names{"n", "top1", "top5"});
  CHECK(d.at("accuracy").at("n") == 1);  // the broken one was not read, coffee has no label
  CHECK(d.at("accuracy").at("top5") == 1.0);
}

TEST_CASE("labels give the accuracy of the photos that have one, the rest is answered all the same") {
  const TemporaryFolder folder;
  for (const char* name : {"camera.png", "coffee.png", "flower.jpg", "rocket.jpg"}) copy(photo(name), folder / name);
  // espresso, right; cup is second on the same photo; a wrong one
  folder.write("labels.txt", "coffee.png 968\nrocket.jpg 657\ncamera.png 0\nnot-there.png 3\n");
  const Names common = {folder.operator/("").string(), "--labels", (folder / "labels.txt").string()};
  const Document d = classified(common);
  CHECK(d.at("images").size() == 4);
  CHECK(d.at("accuracy").at("n") == 3);
  CHECK(d.at("accuracy").at("top1").get<double>() == Approx(1.0 / 3));  // rocket: missile
  CHECK(d.at("accuracy").at("top5").get<double>() == Approx(2.0 / 3));  // and coffee: cup is among the five
  const Document one = classified({common[0], "--labels", common[2], "--top", "1"});
  CHECK(one.at("images")[0].at("top").size() == 1);
  CHECK(one.at("accuracy").at("top5").get<double>() ==
        Approx(2.0 / 3));  // --top is what is printed, not what is counted
  const Ran table = fovea_program({"classify", common[0], common[1], common[2]});
  CHECK(contains(table.out, "accuracy on 3 labelled: top-1 33.33 %, top-5 66.67 %"));
  const Ran single = fovea_program({"classify", photo("rocket.jpg"), "--labels", common[2], "--json"});
  CHECK(single.json().at("accuracy").at("n") == 1);  // the base name of a single file
}

TEST_CASE("a malformed label file is refused with its line") {
  const TemporaryFolder folder;
  struct Case {
    const char *text, *line;
  };
  for (const Case& c : {Case{"coffee.png 1\ncoffee.jpg espresso\n", "line 2"},
                        {"coffee.png\n", "line 1"},
                        {"coffee.png -1\n", "line 1"},
                        {"a 1\n\nb 99999999999999999999\n", "line 3"},
                        {"coffee.png 1\ncoffee.png 2\n", "line 2"},
                        {"7\n", "line 1"}}) {
    INFO(c.text);
    const std::string labels = folder.write("labels.txt", c.text).string();
    const Ran ran = fovea_program({"classify", photo("coffee.png"), "--labels", labels, "--json"});
    CHECK(ran.code == 4);
    CHECK(ran.out.empty());
    CHECK(contains(ran.err, labels));
    CHECK(contains(ran.err, c.line));
  }
  folder.write("labels.txt", "coffee.png 1000\n");  // the network has the classes 0 to 999
  const Ran beyond = fovea_program({"classify", photo("coffee.png"), "--labels", (folder / "labels.txt").string()});
  CHECK(beyond.code == 4);
  CHECK(contains(beyond.err, "label 1000"));
  CHECK(fovea_program({"classify", photo("coffee.png"), "--labels", "nowhere.txt"}).code == 1);
}

TEST_CASE("a CIFAR-10 .bin file is a folder of labelled images") {
  const TemporaryFolder folder;
  const std::string net = write_small_net(folder / "net.safetensors");
  const std::vector<int> none(18, 0);
  const Document first = classified({write_cifar(folder, "first.bin", none), "--weights", net});
  REQUIRE(first.at("images").size() == 18);
  CHECK(first.at("images")[17].at("path") == (folder / "first.bin#17").string());
  CHECK(first.at("images")[17].at("width") == 32);
  CHECK(first.at("images")[0].at("top").size() == 5);
  CHECK(contains(first.at("images")[0].at("top")[0].at("name"), "class "));  // the file has no names

  std::vector<int> labels = best_classes(first);
  std::set<int> different(labels.begin(), labels.end());
  CHECK(different.size() > 1);
  for (std::size_t i = 0; i < 3; ++i) {  // wrong, and not among the five
    std::set<int> five;
    for (const Document& p : first.at("images")[i].at("top")) five.insert(p.at("class").get<int>());
    labels[i] = 0;
    while (five.contains(labels[i])) ++labels[i];
  }
  labels[3] = first.at("images")[3].at("top")[4].at("class");  // wrong, but among the five
  const Document second = classified({write_cifar(folder, "second.bin", labels), "--weights", net});
  CHECK(answers(second) == answers(first));
  CHECK(second.at("accuracy").at("n") == 18);
  CHECK(second.at("accuracy").at("top1").get<double>() == Approx(14.0 / 18));
  CHECK(second.at("accuracy").at("top5").get<double>() == Approx(15.0 / 18));

  const std::string cut = folder.write("cut.bin", read_text(folder / "first.bin").substr(1)).string();
  const Ran refused = fovea_program({"classify", cut, "--weights", net});
  CHECK(refused.code == 4);
  CHECK(contains(refused.err, cut));
  CHECK(fovea_program({"classify", write_cifar(folder, "ten.bin", {10}), "--weights", net}).code == 4);
}

TEST_CASE("resize, crop, batch, threads and top do what they say") {
  const TemporaryFolder folder;
  const std::string net = write_small_net(folder / "net.safetensors");
  const std::string photos = write_cifar(folder, "photos.bin", {0, 1, 2, 3, 4, 5, 6});
  const Document plain = answers(classified({photos, "--weights", net}));
  CHECK(answers(classified({photos, "--weights", net, "--resize", "0", "--crop", "0"})) == plain);  // 32 x 32 already
  CHECK(answers(classified({photos, "--weights", net, "--crop", "16"})) != plain);
  CHECK(answers(classified({photos, "--weights", net, "--resize", "40"})) != plain);
  CHECK(answers(classified({photos, "--weights", net, "--batch", "3"})) == plain);  // 3 + 3 + 1
  CHECK(answers(classified({photos, "--weights", net, "--threads", "1"})) == plain);
  CHECK(answers(classified({photos, "--weights", net, "--threads", "7"})) == plain);
  CHECK(answers(classified({photos, "--weights", net}, {.environment = {"FOVEA_THREADS=2"}})) == plain);
  CHECK(classified({photos, "--weights", net, "--top", "3"}).at("images")[0].at("top").size() == 3);
  CHECK(classified({photos, "--weights", net, "--top", "100"}).at("images")[0].at("top").size() ==
        10);  // as many as are
  // Photos of different sizes in one batch.
  const Document mixed = classified(
      {photo("chelsea.png"), photo("coffee.png"), "--weights", net, "--resize", "0", "--crop", "0", "--batch", "2"});
  CHECK(mixed.at("images")[0].at("width") == 451);
  CHECK(mixed.at("images")[1].at("width") == 600);
  const Ran threads = fovea_program({"classify", photos, "--weights", net}, {.environment = {"FOVEA_THREADS=many"}});
  CHECK(threads.code == 2);
  CHECK(contains(threads.err, "FOVEA_THREADS"));
}

TEST_CASE("a photo that the preprocessing cannot take is a broken photo, not the end of the run") {
  const TemporaryFolder folder;
  const std::string net = write_small_net(folder / "net.safetensors");
  folder.write("strip.pgm", "P5 30000 1 255\n" + std::string(30000, 'x'));  // becomes 4096 x 122,880,000
  copy(photo("coffee.png"), folder / "coffee.png");
  const Ran ran = fovea_program({"classify", (folder / "").string(), "--weights", net, "--resize", "4096", "--json"});
  INFO(ran.err);
  CHECK(ran.code == 4);
  CHECK(ran.json().at("images")[0].contains("top"));
  CHECK(contains(ran.json().at("images")[1].at("error"), "strip.pgm"));
}

TEST_CASE("weights that do not name their network: exit code 4 and the command that would help") {
  const TemporaryFolder folder;
  const std::string net = write_small_net(folder / "bare.safetensors", {});
  const std::string photos = write_cifar(folder, "photos.bin", {0, 1});
  const Ran ran = fovea_program({"classify", photos, "--weights", net, "--json"});
  CHECK(ran.code == 4);
  CHECK(ran.out.empty());
  CHECK(contains(ran.err, net));
  CHECK(contains(ran.err, "fovea classify IMG --weights " + net + " --model NAME"));
  CHECK(contains(ran.err, "resnet20"));

  const Ran helped = fovea_program({"classify", photos, "--weights", net, "--model", "resnet20", "--json"});
  CHECK(helped.code == 0);
  CHECK(helped.json().at("model").at("name") == "resnet20");
  REQUIRE(lines_of(helped.err).size() == 1);  // which published options and preprocessing were taken
  for (const char* part : {"resnet20", "eps=1e-5", "padding=symmetric", "\"resize\":32", "0.485", "bilinear"})
    CHECK(contains(helped.err, part));

  const Ran changed = fovea_program(
      {"classify", photos, "--weights", net, "--model", "resnet20", "--option", "padding=same", "--json"});
  CHECK(contains(changed.err, "padding=same"));
  CHECK(answers(changed.json()) != answers(helped.json()));
  CHECK(fovea_program({"classify", photos, "--weights", net, "--option", "padding=same"}).code == 2);
}

TEST_CASE("what a file says of its preprocessing is taken also where --model names the network") {
  const TemporaryFolder folder;
  const std::string whole = write_small_net(folder / "whole.safetensors");
  const std::string part = write_small_net(folder / "part.safetensors", {kSmallNetMetadata[2]});
  const std::string photos = write_cifar(folder, "photos.bin", {0, 1, 2});
  CHECK(answers(classified({photos, "--weights", part, "--model", "resnet20"})) ==
        answers(classified({photos, "--weights", whole})));
}

TEST_CASE("progress is drawn on a terminal only, and cleared at the end") {
  const Names arguments = {"classify", source_file("examples/photos").string(), source_file("examples/photos").string(),
                           "--json"};
  const Ran terminal = fovea_program(arguments, {.terminal = true});
  CHECK(terminal.code == 0);
  CHECK(contains(terminal.err, "/16, "));
  CHECK(contains(terminal.err, " left"));
  CHECK(terminal.err.ends_with("\r\033[K"));
  CHECK(terminal.json().at("images").size() == 16);
}

}  // namespace
}  // namespace fovea
