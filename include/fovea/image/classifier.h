// Classifier: a weight file loaded once, photos in, answers out. Layer image. The program, the page and the examples
// all use it; it is const after loading and safe from several threads.
//
//   const Classifier classifier = Classifier::load("models/efficientnet-lite0.safetensors");
//   const Answer answer = classifier.classify_file("cat.jpg");
//   std::cout << answer.top[0].name << ' ' << answer.top[0].probability << '\n';
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fovea/core/parallel_for.h>
#include <fovea/image/decode.h>
#include <fovea/image/preprocess.h>
#include <fovea/io/load.h>
#include <fovea/io/sha256.h>
#include <fovea/io/weights.h>
#include <fovea/models/create.h>
#include <fovea/ops/softmax.h>

namespace fovea::inline FOVEA_ABI {

struct Prediction {
  std::int64_t index = 0;  // class, 0-based
  std::string name;        // from the weight file, else "class 281"
  float probability = 0;   // 0..1
};

struct Answer {
  std::int64_t width = 0, height = 0;       // of the upright photo, pixels
  std::vector<Prediction> top;              // best first
  double decode_ms = 0, preprocess_ms = 0;  // of this photo
  double inference_ms = 0;                  // of its batch, divided by the photos in it
};

// A photo on its way: decoded, or decoded and preprocessed.
struct Prepared {
  Tensor<float> input;  // H W 3
  Answer answer;        // sizes and times so far
};

struct ClassifierOptions {
  std::string model;                          // architecture; empty: what the file's fovea.model says
  models::Options options;                    // of that architecture, where `model` is given
  std::optional<int> resize = {}, crop = {};  // instead of the file's preprocessing; 0 = none
};

// A weight file that says nothing of its architecture, and no model was named. The caller knows how to name one.
inline constexpr std::string_view kNoModelField = "fovea.model";

// An architecture's published preprocessing in the form that weight files store.
inline Json published_json(const models::Published& p) {
  Json json;
  json["resize"] = p.resize;
  json["crop"] = p.crop;
  json["mean"] = Json::Array(p.mean.begin(), p.mean.end());
  json["std"] = Json::Array(p.std.begin(), p.std.end());
  json["interpolation"] = p.interpolation;
  return json;
}

namespace detail {

// Runs `read`; what it finds wrong with the value of a metadata key becomes bad data that names file and key.
template <class Read>
auto read_metadata(const std::string& file, std::string_view key, Read&& read) {
  try {
    return read();
  } catch (const Error& e) {
    std::string_view text = e.what();
    const std::string prefix = to_text(key, ": ");
    if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
    fail_data({.file = file, .field = key}, text);
  }
}

}  // namespace detail

// load_image differs with the JPEG decoder built in, and so does whoever calls it.
inline namespace FOVEA_IMAGE_ABI {

class Classifier {
 public:
  // Errors: those of load_weights and load_into; Code::bad_data with the metadata key as its field where the file's
  // metadata is wrong, "fovea.model" also where it is missing and no model was named.
  static Classifier load(const std::filesystem::path& path, const ClassifierOptions& options = {}) {
    return Classifier(state_dict(load_weights(path)), options);
  }
  // From a file already read, e.g. from memory with parse_safetensors.
  explicit Classifier(TensorFile file, const ClassifierOptions& options = {})
      : file_(std::move(file)), net_(make_net(file_, options)) {
    load_into(net_, file_);
    read_classes();
    read_preprocess(options);
  }

  const AnyNet& net() const { return net_; }
  const std::string& path() const { return file_.path; }
  const Preprocess& preprocessing() const { return preprocess_; }
  std::int64_t class_count() const { return std::stoll(net_.options().at("num_classes")); }
  // Names by class index; empty if the file has none.
  const std::vector<std::string>& classes() const { return classes_; }
  // True if the file does not say how its input is made: the preprocessing is the architecture's published one.
  bool published_preprocess() const { return published_preprocess_; }
  // What the file says under a metadata key ("fovea.license"); empty if it says nothing.
  std::string metadata(std::string_view key) const {
    const std::string* text = file_.find_metadata(key);
    return text ? *text : std::string();
  }
  // Lower-case hexadecimal, of the weight file's bytes as they were loaded; empty if they came from memory.
  std::string sha256() const { return file_.mapping ? sha256_hex(file_.mapping->bytes()) : std::string(); }

  // Bytes or pixels to the network's input. Errors: those of decode_image and preprocess.
  Prepared prepare(std::span<const std::byte> bytes, std::string_view name) const {
    return prepare_with([&] { return decode_image(bytes, name).pixels; });
  }
  Prepared prepare_file(const std::filesystem::path& path) const {
    return prepare_with([&] { return load_image(path).pixels; });
  }
  Prepared prepare_pixels(const Image& pixels) const {  // H W 3
    return prepare_with([&] { return pixels; });
  }

  // Answers for photos that were prepared, the same whatever photos they come with.
  std::vector<Answer> classify(std::span<const Prepared> photos, int top = 5) const {
    std::vector<Answer> answers;
    for (std::size_t begin = 0, end = 0; begin < photos.size(); begin = end) {
      while (end < photos.size() && photos[end].input.shape() == photos[begin].input.shape()) ++end;
      append_batch(photos.subspan(begin, end - begin), top, answers);
    }
    return answers;
  }
  Answer classify_file(const std::filesystem::path& path, int top = 5) const {
    return classify_one(prepare_file(path), top);
  }
  Answer classify_bytes(std::span<const std::byte> bytes, std::string_view name, int top = 5) const {
    return classify_one(prepare(bytes, name), top);
  }
  Answer classify_pixels(const Image& pixels, int top = 5) const { return classify_one(prepare_pixels(pixels), top); }

  // Logits N x classes of inputs N H W 3.
  Tensor<float> logits(const Tensor<float>& inputs) const {
    Tensor<float> y = net_(inputs);
    file_.check();
    return y;
  }
  // The same without gradients, and faster: every thread takes images of its own, one at a time, because the feature
  // maps of one image stay in the cache of its core, and those of a batch do not. What is left, less than an image a
  // thread, runs as one batch that all threads share. A Trace and taps, which hear one thread, want logits().
  Tensor<float> infer(const Tensor<float>& inputs) const {
    const std::int64_t n = inputs.size(0), left = n % thread_count(), classes = class_count();
    Tensor<float> y({n, classes}, uninitialized);
    float* rows = y.mutable_data();
    const auto run = [&](std::int64_t begin, std::int64_t end) {
      const NoTape scope;
      const Tensor<float> found = logits(inputs.view(begin, end));
      std::copy(found.values().begin(), found.values().end(), rows + begin * classes);
    };
    parallel_for(n - left, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) run(i, i + 1);
    });
    if (left > 0) run(n - left, n);
    return y;
  }
  std::string class_name(std::int64_t index) const {
    return static_cast<std::size_t>(index) < classes_.size() ? classes_[static_cast<std::size_t>(index)]
                                                             : "class " + std::to_string(index);
  }

 private:
  using Clock = std::chrono::steady_clock;
  static double milliseconds(Clock::duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

  static AnyNet make_net(const TensorFile& file, const ClassifierOptions& options) {
    if (!options.model.empty()) return models::create(options.model, options.options);
    const std::string* text = file.find_metadata("fovea.model");
    if (!text)
      fail_data({.file = file.path, .field = kNoModelField},
                "the file does not say which network its weights belong to; name it with --model");
    return detail::read_metadata(file.path, kNoModelField, [&] {
      const Json json = Json::parse(*text);
      models::Options named;
      if (const Json* all = json.find("options", kNoModelField))
        for (const auto& [key, value] : all->items(kNoModelField)) named[key] = value.as_string(kNoModelField);
      return models::create(json.at("name", kNoModelField).as_string(kNoModelField), named);
    });
  }

  void read_classes() {
    constexpr std::string_view key = "fovea.classes";
    const std::string* text = file_.find_metadata(key);
    if (!text) return;
    classes_ = detail::read_metadata(file_.path, key, [&] {
      const Json json = Json::parse(*text);
      std::vector<std::string> names;
      for (const Json& name : json.as_array(key)) names.push_back(name.as_string(key));
      if (static_cast<std::int64_t>(names.size()) != class_count())
        fail(names.size(), " names for the ", class_count(), " classes of the network");
      return names;
    });
  }

  // What the file says of its preprocessing belongs to its weights, whoever named the architecture.
  void read_preprocess(const ClassifierOptions& options) {
    constexpr std::string_view key = "fovea.preprocess";
    const std::string* text = file_.find_metadata(key);
    published_preprocess_ = !text;
    preprocess_ = detail::read_metadata(file_.path, key, [&] {
      return Preprocess::from_json(text ? Json::parse(*text) : published_json(net_.published()));
    });
    if (options.resize) preprocess_.resize = *options.resize;
    if (options.crop) preprocess_.crop = *options.crop;
  }

  template <class Decode>
  Prepared prepare_with(Decode&& decode) const {
    Prepared p;
    const auto start = Clock::now();
    const Image pixels = decode();
    const auto decoded = Clock::now();
    p.input = preprocess(pixels, preprocess_);
    p.answer.height = pixels.size(0), p.answer.width = pixels.size(1);
    p.answer.decode_ms = milliseconds(decoded - start);
    p.answer.preprocess_ms = milliseconds(Clock::now() - decoded);
    return p;
  }

  Answer classify_one(const Prepared& photo, int top) const { return classify({&photo, 1}, top).front(); }

  // The photos as one tensor N H W 3; all of one input size.
  static Tensor<float> stack(std::span<const Prepared> photos) {
    const Shape one = photos.front().input.shape();
    Tensor<float> batch({static_cast<std::int64_t>(photos.size()), one[0], one[1], one[2]}, uninitialized);
    float* to = batch.mutable_data();
    for (const Prepared& p : photos) to = std::copy(p.input.values().begin(), p.input.values().end(), to);
    return batch;
  }

  // photos: all of one input size.
  void append_batch(std::span<const Prepared> photos, int top, std::vector<Answer>& answers) const {
    const auto start = Clock::now();
    const Tensor<float> probabilities = softmax(infer(stack(photos)));
    const double each = milliseconds(Clock::now() - start) / static_cast<double>(photos.size());
    for (std::size_t i = 0; i < photos.size(); ++i) {
      Answer a = photos[i].answer;
      a.inference_ms = each;
      a.top = best(probabilities.view(static_cast<std::int64_t>(i), static_cast<std::int64_t>(i) + 1), top);
      answers.push_back(std::move(a));
    }
  }

  // The `top` most probable classes; of equals the lower index first. row: 1 x classes.
  std::vector<Prediction> best(const Tensor<float>& row, int top) const {
    const std::span<const float> p = row.values();
    std::vector<std::int64_t> order(p.size());
    std::iota(order.begin(), order.end(), 0);
    const std::size_t n = std::min(p.size(), static_cast<std::size_t>(std::max(top, 0)));
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n), order.end(), [&](auto a, auto b) {
      const float x = p[static_cast<std::size_t>(a)], y = p[static_cast<std::size_t>(b)];
      return x != y ? x > y : a < b;
    });
    std::vector<Prediction> result;
    for (std::size_t i = 0; i < n; ++i)
      result.push_back({order[i], class_name(order[i]), p[static_cast<std::size_t>(order[i])]});
    return result;
  }

  TensorFile file_;
  AnyNet net_;
  Preprocess preprocess_;
  std::vector<std::string> classes_;
  bool published_preprocess_ = false;
};

}  // namespace FOVEA_IMAGE_ABI

}  // namespace fovea::inline FOVEA_ABI
