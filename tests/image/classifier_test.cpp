// The classifier: the net that ships on the demo photos, hostile weight files, and from photo to logits against
// PyTorch for every float network of the data folder.
#include <algorithm>
#include <set>
#include <thread>

#include <fovea/image/classifier.h>
#include <io/temporary_folder.h>
#include <models/compare.h>
#include <support/catch.h>
#include <support/expand.h>
#include <support/support.h>

namespace fovea {
namespace {
using namespace test;

std::filesystem::path photo(const std::string& name) { return source_file("examples/photos/" + name); }

const Classifier& shipped() {
  static const Classifier classifier = Classifier::load(source_file("models/efficientnet-lite0.safetensors"));
  return classifier;
}

std::span<const std::byte> as_bytes(const std::vector<std::uint8_t>& bytes) {
  return std::as_bytes(std::span<const std::uint8_t>(bytes));
}

// Classes and probabilities, to the bit.
std::vector<std::pair<std::int64_t, float>> content(const Answer& a) {
  std::vector<std::pair<std::int64_t, float>> pairs;
  for (const Prediction& p : a.top) pairs.emplace_back(p.index, p.probability);
  return pairs;
}

TEST_CASE("the net that ships recognises the demo photos") {
  // The best class as the README of the weights gives it for the original in float32.
  const std::map<std::string, std::pair<std::string, double>> expected = {
      {"astronaut.png", {"bobsled", 0.13}}, {"camera.png", {"tripod", 0.94}},
      {"china.jpg", {"palace", 0.35}},      {"coffee.png", {"espresso", 0.96}},
      {"flower.jpg", {"daisy", 0.28}},      {"grace_hopper.jpg", {"academic gown", 0.26}},
      {"rocket.jpg", {"missile", 0.36}},    {"chelsea.png", {"tiger cat", 0.38}}};
  for (const auto& [name, best] : expected) {
    CAPTURE(name);
    const Answer a = shipped().classify_file(photo(name));
    REQUIRE(a.top.size() == 5);
    CHECK(a.top[0].name == best.first);
    CHECK(a.top[0].probability == Approx(best.second).margin(0.01));
    CHECK(a.decode_ms >= 0);
    CHECK(a.inference_ms > 0);
  }
  CHECK(shipped().class_count() == 1000);
  CHECK(shipped().classes().size() == 1000);
  CHECK(shipped().class_name(282) == "tiger cat");
  CHECK(shipped().class_name(1000) == "class 1000");
  CHECK_FALSE(shipped().published_preprocess());
  CHECK(shipped().metadata("fovea.format") == "1");
  CHECK(shipped().metadata("fovea.no such key").empty());
}

TEST_CASE("file, bytes and pixels give one answer, alone and in a batch") {
  const std::vector<std::uint8_t> bytes = read_bytes(photo("chelsea.png"));
  const Answer file = shipped().classify_file(photo("chelsea.png"));
  CHECK(file.width == 451);
  CHECK(file.height == 300);
  CHECK(content(shipped().classify_bytes(as_bytes(bytes), "chelsea.png")) == content(file));
  CHECK(content(shipped().classify_pixels(load_image(photo("chelsea.png")).pixels)) == content(file));

  std::vector<Prepared> photos;
  for (const char* name : {"coffee.png", "chelsea.png", "rocket.jpg"})
    photos.push_back(shipped().prepare_file(photo(name)));
  CHECK(shipped().classify({}).empty());
  std::vector<std::vector<std::pair<std::int64_t, float>>> alone;
  for (const Prepared& p : photos) alone.push_back(content(shipped().classify({&p, 1}).front()));
  CHECK(alone[1] == content(file));
  // A photo a thread; that and one left over; all of them left over.
  const int before = thread_count();
  for (const int threads : {1, 2, 3, 4}) {
    CAPTURE(threads);
    set_thread_count(threads);
    const std::vector<Answer> batch = shipped().classify(photos);
    REQUIRE(batch.size() == alone.size());
    for (std::size_t i = 0; i < alone.size(); ++i) CHECK(content(batch[i]) == alone[i]);
  }
  set_thread_count(before);
}

TEST_CASE("top asks for as many classes as there are, and no more") {
  const Prepared p = shipped().prepare_file(photo("coffee.png"));
  CHECK(shipped().classify({&p, 1}, 0).front().top.empty());
  CHECK(shipped().classify({&p, 1}, 1).front().top.size() == 1);
  const Answer all = shipped().classify({&p, 1}, 5000).front();
  REQUIRE(all.top.size() == 1000);
  double sum = 0;
  std::set<std::int64_t> classes;
  for (std::size_t i = 0; i < all.top.size(); ++i) {
    sum += all.top[i].probability;
    classes.insert(all.top[i].index);
    if (i > 0) CHECK(all.top[i].probability <= all.top[i - 1].probability);
  }
  CHECK(sum == Approx(1).epsilon(1e-5));
  CHECK(classes.size() == 1000);
}

TEST_CASE("one classifier answers four threads at once as it answers one") {
  const std::vector<std::string> names = {"coffee.png", "chelsea.png", "rocket.jpg", "china.jpg"};
  std::vector<Answer> alone;
  for (const std::string& name : names) alone.push_back(shipped().classify_file(photo(name)));
  std::vector<std::vector<Answer>> answers(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 4; ++i) answers[t].push_back(shipped().classify_file(photo(names[(t + i) % 4])));
    });
  for (std::thread& t : threads) t.join();
  for (std::size_t t = 0; t < 4; ++t)
    for (std::size_t i = 0; i < 4; ++i) CHECK(content(answers[t][i]) == content(alone[(t + i) % 4]));
}

// The error of f, which must be bad data that names every part.
template <class F>
void check_bad_data(F&& f, const std::vector<std::string>& parts) {
  try {
    f();
  } catch (const Error& e) {
    CAPTURE(std::string(e.what()));
    CHECK(e.code() == Code::bad_data);
    for (const std::string& part : parts) {
      INFO(part);
      CHECK(std::string(e.what()).find(part) != std::string::npos);
    }
    return;
  }
  FAIL("no error");
}

TEST_CASE("a broken photo is bad data that names the file") {
  const TemporaryFolder folder;
  const std::string whole = read_text(photo("rocket.jpg"));
  for (const std::string& content : {std::string(), std::string("no photo"), whole.substr(0, 100)}) {
    const std::filesystem::path path = folder.write("bad.jpg", content);
    check_bad_data([&] { shipped().classify_file(path); }, {path.string()});
    const std::vector<std::uint8_t> bytes(content.begin(), content.end());
    check_bad_data([&] { shipped().classify_bytes(as_bytes(bytes), "upload 7"); }, {"upload 7"});
  }
  CHECK_THROWS_AS(shipped().classify_file(folder / "nowhere.jpg"), Error);
}

TEST_CASE("a weight file that was cut short is bad data that names the file") {
  const TemporaryFolder folder;
  const std::string whole = read_text(source_file("models/efficientnet-lite0.safetensors"));
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{7}, std::size_t{5000}, whole.size() / 2, whole.size() - 1}) {
    CAPTURE(size);
    const std::filesystem::path path = folder.write("cut.safetensors", whole.substr(0, size));
    check_bad_data([&] { Classifier::load(path); }, {path.string()});
  }
}

// A ResNet-20 of zeros with this metadata.
TensorFile small_file(Metadata metadata) {
  const AnyNet net = models::create("resnet20");
  TensorFile file;
  file.path = "small.safetensors";
  file.tensors = named_tensors(net);
  file.metadata = std::move(metadata);
  return file;
}

TEST_CASE("hostile metadata is bad data that names the file, the key and what is wrong") {
  const std::string model = R"({"name":"resnet20"})";
  const auto refused = [&](const char* key, const std::string& value, const std::string& said) {
    CAPTURE(key);
    CAPTURE(value.substr(0, 200));
    Metadata metadata = {{key, value}};
    if (std::string(key) != "fovea.model") metadata.emplace_back("fovea.model", model);
    check_bad_data([&] { Classifier(small_file(metadata)); }, {"small.safetensors", key, said});
  };
  CHECK(Classifier(small_file({{"fovea.model", model}})).class_count() == 10);
  check_bad_data([] { Classifier(small_file({})); }, {"small.safetensors", "fovea.model", "--model"});

  refused("fovea.model", "", "at byte 0");
  refused("fovea.model", "{\"name\":", "at byte");
  refused("fovea.model", std::string(100'000, '['), "at byte");
  refused("fovea.model", "7", "an object is wanted, found an integer");
  refused("fovea.model", "{}", "no member \"name\"");
  refused("fovea.model", R"({"name":["resnet20"]})", "a string is wanted");
  refused("fovea.model", R"({"name":"resnet2O"})", "did you mean 'resnet20'?");
  refused("fovea.model", R"({"name":"resnet20","options":[]})", "an object is wanted");
  refused("fovea.model", R"({"name":"resnet20","options":{"num_classes":10}})", "a string is wanted");
  refused("fovea.model", R"({"name":"resnet20","options":{"num_classes":"1e9"}})", "num_classes");
  refused("fovea.model", R"({"name":"resnet20","options":{"num_classes":"99999999999999999999"}})", "num_classes");
  refused("fovea.model", R"({"name":"resnet20","options":{"eps":"nan"}})", "eps");
  refused("fovea.model", R"({"name":"resnet20","options":{"pading":"same"}})", "'padding'");

  refused("fovea.classes", "[", "at byte");
  refused("fovea.classes", "{}", "an array is wanted");
  refused("fovea.classes", R"(["a",1])", "a string is wanted");
  refused("fovea.classes", "[]", "0 names for the 10 classes");
  refused("fovea.classes", R"(["0","1","2","3","4","5","6","7","8"])", "9 names for the 10 classes");
  refused("fovea.classes", R"(["0","1","2","3","4","5","6","7","8","9","10"])", "11 names for the 10 classes");

  const auto preprocess = [](const char* resize, const char* mean, const char* std) {
    return to_text("{\"resize\":", resize, ",\"crop\":32,\"mean\":", mean, ",\"std\":", std,
                  ",\"interpolation\":\"bilinear\"}");
  };
  refused("fovea.preprocess", "null", "an object is wanted");
  refused("fovea.preprocess", "{}", "no member \"resize\"");
  refused("fovea.preprocess", preprocess("-1", "[0,0,0]", "[1,1,1]"), "resize is -1");
  refused("fovea.preprocess", preprocess("1000000000", "[0,0,0]", "[1,1,1]"), "resize is 1000000000");
  refused("fovea.preprocess", preprocess("32", "[0,0]", "[1,1,1]"), "mean has 2 values");
  refused("fovea.preprocess", preprocess("32", "[0,0,1e999]", "[1,1,1]"), "at byte");
  refused("fovea.preprocess", preprocess("32", "[0,0,0]", "[1,0,1]"), "std[1]");
  refused("fovea.preprocess", preprocess("32", "[0,0,0]", "[1,1,\"1\"]"), "a number is wanted");
}

TEST_CASE("tensors that do not fit the network are bad data with the difference") {
  TensorFile file = small_file({{"fovea.model", R"({"name":"resnet20"})"}});
  file.tensors.front().first = "stranger.weight";
  check_bad_data([&] { Classifier{file}; },
                 {"small.safetensors", "1 are missing, 1 unexpected", "conv1.weight", "stranger.weight 16x3x3x3"});
}

TEST_CASE("a named model brings its published options and preprocessing, but the file's own preprocessing stays") {
  const Classifier published(small_file({}), {.model = "resnet20", .options = {{"padding", "same"}}});
  CHECK(published.published_preprocess());
  CHECK(published.preprocessing().resize == 32);
  CHECK(published.preprocessing().mean[0] == 0.485f);
  CHECK(published.net().options().at("padding") == "same");
  CHECK(published.class_name(3) == "class 3");
  const std::string own = R"({"resize":40,"crop":32,"mean":[0,0,0],"std":[1,1,1],"interpolation":"box"})";
  const Classifier kept(small_file({{"fovea.preprocess", own}}),
                        {.model = "resnet20", .options = {}, .resize = 50, .crop = 48});
  CHECK_FALSE(kept.published_preprocess());
  CHECK(kept.preprocessing().interpolation == Filter::box);
  CHECK(kept.preprocessing().resize == 50);
  CHECK(kept.preprocessing().crop == 48);
}

// --- from photo files to logits, against PyTorch, Pillow and libjpeg-turbo

struct Network {
  const char* reference;  // weights/reference/NAME.safetensors
  const char* weights;    // below weights/
  const char* model;
  models::Options options;
};

Classifier load(const Network& n, const TensorFile& expected) {
  const std::filesystem::path path = shared_data(std::string("weights/") + n.weights);
  TensorFile file = path.extension() == ".safetensors" ? expand(path) : state_dict(load_weights(path));
  // Other preprocessing than published (MobileNetV2 from TensorFlow) stands in the weight file.
  if (n.options.contains("padding"))
    file.metadata = {{"fovea.preprocess",
                      to_text(R"({"resize":256,"crop":224,"interpolation":"bilinear","mean":)",
                             *expected.find_metadata("mean"), ",\"std\":", *expected.find_metadata("std"), "}")}};
  return Classifier(std::move(file), {.model = n.model, .options = n.options});
}

// The logits of photo files, one by one; rows of 1,000.
Tensor<float> logits_of(const Classifier& c, const std::vector<std::filesystem::path>& photos) {
  Tensor<float> all({static_cast<std::int64_t>(photos.size()), c.class_count()});
  float* to = all.mutable_data();
  for (const std::filesystem::path& path : photos) {
    const Tensor<float> input = c.prepare_file(path).input;
    const Tensor<float> row = c.logits(input.reshape({1, input.size(0), input.size(1), 3}));
    to = std::copy(row.values().begin(), row.values().end(), to);
  }
  return all;
}

TEST_CASE("photo files give the logits of PyTorch with every float network") {
  if (!needs("data") || !needs("turbojpeg")) return;
  std::vector<std::filesystem::path> demo, val;
  for (const auto& entry : std::filesystem::directory_iterator(shared_data("photos")))
    if (entry.path().filename() != "SHA256SUMS") demo.push_back(entry.path());
  std::sort(demo.begin(), demo.end());
  std::istringstream labels(read_text(shared_data("imagenet-val/labels.txt")));
  std::string name, label;
  const std::size_t val_count = full() ? 32 : 4;
  while (val.size() < val_count && labels >> name >> label) val.push_back(shared_data("imagenet-val/" + name));

  for (const Network& n :
       {Network{"efficientnet-lite0", "efficientnet-lite0.pth", "efficientnet_lite0", {}},
        {"resnet50-pq", "resnet50-pq.safetensors", "resnet50", {}},
        {"resnet18-pq", "resnet18-pq.safetensors", "resnet18", {}},
        {"mobilenet_v2-int8-dequantised", "mobilenet_v2-int8.safetensors", "mobilenet_v2", {{"padding", "same"}}}}) {
    CAPTURE(n.reference);
    const TensorFile expected =
        load_safetensors(shared_data(std::string("weights/reference/") + n.reference + ".safetensors"));
    const Classifier classifier = load(n, expected);
    REQUIRE(demo.size() == static_cast<std::size_t>(expected.at("demo_logits").shape()[0]));
    check_logits(std::string(n.reference) + ", demo photos", logits_of(classifier, demo),
                 expected.at("demo_logits").as<float>());
    check_logits(std::string(n.reference) + ", val photos", logits_of(classifier, val),
                 expected.at("val_logits").as<float>().view(0, static_cast<std::int64_t>(val_count)));
  }
}

}  // namespace
}  // namespace fovea
