// fovea explain: why the network says what it says of a photo, as a heat map beside it.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fovea/core/parallel_for.h>
#include <fovea/explain.h>
#include <fovea/image/encode.h>

#include "answer_json.h"
#include "command.h"
#include "terminal.h"
#include "weights.h"

namespace fovea::tools {

namespace fs = std::filesystem;

namespace {
struct Options {
  std::string image, weights = kDefaultWeights, model, method = "gradcam", class_name, layer, out;
  std::vector<std::string> options;
  int threads = 0;
  bool json = false;
};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(c < 0x80 ? std::tolower(c) : c); });
  return text;
}

std::vector<std::int64_t> classes_called(const Classifier& classifier, const std::string& name) {
  std::vector<std::int64_t> found;
  for (std::size_t i = 0; i < classifier.classes().size(); ++i)
    if (lower(classifier.classes()[i]) == lower(name)) found.push_back(static_cast<std::int64_t>(i));
  return found;
}

// What could have been meant: a few names that contain the word, else the nearest.
std::string other_names(const Classifier& classifier, const std::string& name) {
  constexpr int kMost = 5;
  std::string list;
  int found = 0;
  for (const std::string& c : classifier.classes())
    if (lower(c).find(lower(name)) != std::string::npos && ++found <= kMost)
      list += to_text(found == 1 ? "; there are '" : ", '", c, "'");
  if (found > 0) return list + (found > kMost ? ", ..." : "");
  std::vector<std::string> lowered;
  for (const std::string& c : classifier.classes()) lowered.push_back(lower(c));
  const std::string nearest = nearest_name(lower(name), lowered);
  if (nearest.empty()) return "";
  return ", did you mean '" + classifier.class_name(classes_called(classifier, nearest).front()) + "'?";
}

// A class by its name (upper and lower case are the same) or its number.
std::optional<std::int64_t> class_index(const Classifier& classifier, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const std::vector<std::int64_t> called = classes_called(classifier, text);
  if (called.size() == 1) return called.front();
  if (called.size() > 1) {
    std::string numbers;
    for (const std::int64_t c : called) numbers += to_text(numbers.empty() ? "" : " and ", c);
    fail("--class ", text, ": the classes ", numbers, " have this name; give the number");
  }
  std::int64_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error == std::errc() && end == text.data() + text.size()) {
    if (index >= 0 && index < classifier.class_count()) return index;
    fail("--class ", text, ": the network has the classes 0 to ", classifier.class_count() - 1);
  }
  if (classifier.classes().empty())
    fail("--class ", text, ": ", classifier.path(), " names no classes; give a number, 0 to ",
         classifier.class_count() - 1);
  fail("--class ", text, ": no class has this name", other_names(classifier, text));
}

// IMG-METHOD.png in the folder where we run; where that exists, which may be another photo's, the first free
// IMG-METHOD-2.png, -3, ...: only a name that the user gave is written over.
std::string default_out(const Options& o) {
  const std::string begin = fs::path(o.image).stem().string() + "-" + o.method;
  std::string name = begin + ".png";
  for (int i = 2; fs::exists(fs::symlink_status(name)); ++i) name = to_text(begin, "-", i, ".png");
  return name;
}

// --out, or a name of our own. Errors: a name that says another format than PNG, or the photo itself.
std::string picture_path(const Options& o) {
  if (o.out.empty()) return default_out(o);
  if (lower(fs::path(o.out).extension().string()) != ".png")
    fail("--out ", o.out, ": the picture is a PNG; give a name that ends in .png");
  std::error_code none;  // of a file that is not there yet
  if (fs::equivalent(o.out, o.image, none)) fail("--out ", o.out, ": that is the photo itself, which stays as it is");
  return o.out;
}

// Decodes the photo, and tries what the network would do to it: what fails there is the photo's fault, not the call's.
Image load_photo(const Classifier& classifier, const std::string& path) {
  const Image pixels = load_image(path).pixels;
  try {
    static_cast<void>(preprocess(pixels, classifier.preprocessing()));
  } catch (const Error& e) {
    fail_data({.file = path}, e.what());
  }
  return pixels;
}

void print_json(const Classifier& classifier, const Image& photo, const Explanation& e, const std::string& path,
                const std::string& out) {
  Document d;
  d["schema"] = "fovea.explain/1";
  d["model"] = model_json(classifier, classifier.path());
  d["path"] = path;
  d["width"] = photo.size(1);
  d["height"] = photo.size(0);
  Document& x = d["explain"];
  x["method"] = e.method;
  x["name"] = e.name;
  x["class"] = e.index;
  x["probability"] = e.probability;
  if (e.method == "gradcam") x["layer"] = e.layer;
  if (e.method == "ig") x["steps"] = e.steps, x["error"] = e.error;
  d["picture"] = out;
  std::printf("%s\n", text_of(d, 1).c_str());
}

// ig and occlusion may take minutes.
Explanation explain_with_progress(const Classifier& classifier, const Image& photo, ExplainOptions options) {
  Progress progress("explain", 0);
  options.progress = [&](std::int64_t done, std::int64_t planned) { progress.set(done, planned); };
  return explain(classifier, photo, options);
}

int explain_photo(const Options& o) {
  if (o.threads > 0) set_thread_count(o.threads);
  thread_count();  // a malformed FOVEA_THREADS ends the run here, not in the middle of it
  if (o.model.empty() && !o.options.empty()) fail("--option wants --model, whose option it is");
  const std::string out = picture_path(o);
  const Classifier classifier =
      load_classifier(o.weights, {.model = o.model, .options = parse_options(o.options)}, "explain IMG");
  const Image photo = load_photo(classifier, o.image);
  const std::optional<std::int64_t> index = class_index(classifier, o.class_name);
  static_cast<void>(AtomicFile(out));  // a name that cannot be written is said before minutes of work
  const Explanation e =
      explain_with_progress(classifier, photo, {.method = o.method, .index = index, .layer = o.layer});
  save_png(out, explanation_picture(photo, e));
  if (o.method == "ig" && !(e.error <= IntegratedGradientsOptions().tolerance))
    std::fprintf(stderr,
                 "fovea: after %d steps the attributions add up to %.1f %% off the difference of the logits; 1 %% is "
                 "wanted: trust the map less\n",
                 e.steps, 100 * e.error);
  if (o.json)
    print_json(classifier, photo, e, o.image, out);
  else
    std::printf("%s  %lldx%lld\n  %s  (class %lld; %s)\n%s: the photo and its heat map\n", o.image.c_str(),
                static_cast<long long>(photo.size(1)), static_cast<long long>(photo.size(0)),
                explained_class_text(e).c_str(), static_cast<long long>(e.index), method_text(e).c_str(), out.c_str());
  return kGood;
}
}  // namespace

Run add_explain(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* c = app.add_subcommand("explain", "Show where on a photo the evidence for a class is");
  c->add_option("IMG", o->image, "Photo")->required();
  c->add_option("--method", o->method, "gradcam, ig (integrated gradients) or occlusion")
      ->capture_default_str()
      ->type_name("NAME");
  c->add_option("--class", o->class_name, "Class to explain, by name or number (default: the most probable)")
      ->type_name("NAME");
  c->add_option("--layer", o->layer, "Layer that gradcam looks at (default: the last feature map)")->type_name("NAME");
  c->add_option("-o,--out", o->out, "PNG to write (default: IMG-METHOD.png in this folder, numbered if that exists)")
      ->type_name("FILE");
  add_weight_options(*c, o->weights, o->model, o->options);
  c->add_option("--threads", o->threads, "Threads (default: the cores)")->check(CLI::Range(1, 1024))->type_name("N");
  c->add_flag("--json", o->json, "One JSON document on stdout, nothing else");
  return [o] { return explain_photo(*o); };
}

}  // namespace fovea::tools
