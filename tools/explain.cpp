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
#include "weights.h"

namespace fovea::tools {

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
  const std::string nearest = nearest_name(name, classifier.classes());
  return nearest.empty() ? "" : ", did you mean '" + nearest + "'?";
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

// Where the picture goes if --out does not say it: beside nothing of the user's, in the folder where we run.
std::string default_out(const Options& o) {
  return std::filesystem::path(o.image).stem().string() + "-" + o.method + ".png";
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

int explain_photo(const Options& o) {
  if (o.threads > 0) set_thread_count(o.threads);
  thread_count();  // a malformed FOVEA_THREADS ends the run here, not in the middle of it
  if (o.model.empty() && !o.options.empty()) fail("--option wants --model, whose option it is");
  const Image photo = load_image(o.image).pixels;
  const Classifier classifier = load_classifier(o.weights, {.model = o.model, .options = parse_options(o.options)});
  const std::optional<std::int64_t> index = class_index(classifier, o.class_name);
  const std::string out = o.out.empty() ? default_out(o) : o.out;
  static_cast<void>(AtomicFile(out));  // a name that cannot be written is said before minutes of work
  const Explanation e = explain(classifier, photo, {.method = o.method, .index = index, .layer = o.layer});
  save_png(out, explanation_picture(photo, e));
  if (e.error > IntegratedGradientsOptions().tolerance)
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
  c->add_option("-o,--out", o->out, "PNG to write (default: IMG-METHOD.png in this folder)")->type_name("FILE");
  add_weight_options(*c, o->weights, o->model, o->options);
  c->add_option("--threads", o->threads, "Threads (default: the cores)")->check(CLI::Range(1, 1024))->type_name("N");
  c->add_flag("--json", o->json, "One JSON document on stdout, nothing else");
  return [o] { return explain_photo(*o); };
}

}  // namespace fovea::tools
