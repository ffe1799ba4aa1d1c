// fovea classify: photos in, classes out.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <fovea/core/parallel_for.h>

#include "answer_json.h"
#include "command.h"
#include "inputs.h"
#include "terminal.h"
#include "weights.h"

namespace fovea::tools {

namespace {
struct Options {
  std::vector<std::string> inputs, options;
  std::string weights = kDefaultWeights, model, labels;
  int top = 5, batch = 16, threads = 0, resize = -1, crop = -1;
  bool json = false;
};

// What became of one input.
struct Result {
  const Input* input = nullptr;
  std::string error;  // empty: there is an answer
  Answer answer;
};

struct Accuracy {
  std::int64_t n = 0, top1 = 0, top5 = 0;
};

ClassifierOptions classifier_options(const Options& o) {
  ClassifierOptions c{.model = o.model, .options = parse_options(o.options)};
  if (o.model.empty() && !o.options.empty()) fail("--option wants --model, whose option it is");
  if (o.resize >= 0) c.resize = o.resize;
  if (o.crop >= 0) c.crop = o.crop;
  return c;
}

// An error of one photo among many: it names the photo.
std::string about(const std::string& path, const std::string& error) {
  return error.find(path) == std::string::npos ? path + ": " + error : error;
}

// Photos are prepared side by side and run in batches of --batch.
std::vector<Result> run(const Classifier& classifier, const std::vector<Input>& inputs, const Options& o) {
  const int top = std::max(o.top, 5);  // the accuracy wants five
  std::vector<Result> results(inputs.size());
  Progress progress("classify", static_cast<std::int64_t>(inputs.size()));
  for (std::size_t begin = 0; begin < inputs.size(); begin += static_cast<std::size_t>(o.batch)) {
    const std::size_t n = std::min(static_cast<std::size_t>(o.batch), inputs.size() - begin);
    std::vector<Prepared> photos(n);
    parallel_for(static_cast<std::int64_t>(n), 1, [&](std::int64_t from, std::int64_t to) {
      for (auto i = static_cast<std::size_t>(from); i < static_cast<std::size_t>(to); ++i) {
        results[begin + i].input = &inputs[begin + i];
        try {
          photos[i] = inputs[begin + i].prepare(classifier);
        } catch (const Error& e) {
          results[begin + i].error = about(inputs[begin + i].path, e.what());
        }
      }
    });
    std::vector<Prepared> good;
    for (std::size_t i = 0; i < n; ++i)
      if (results[begin + i].error.empty()) good.push_back(std::move(photos[i]));
    std::vector<Answer> answers = classifier.classify(good, top);
    for (std::size_t i = 0, k = 0; i < n; ++i)
      if (results[begin + i].error.empty()) results[begin + i].answer = std::move(answers[k++]);
    progress.advance(static_cast<std::int64_t>(n));
  }
  return results;
}

// Labels of the records of .bin files are known; a label file adds those of photos.
void add_labels(std::vector<Input>& inputs, const std::string& path) {
  if (path.empty()) return;
  const std::map<std::string, std::int64_t> labels = read_labels(path);
  std::int64_t found = 0;
  for (Input& i : inputs)
    if (const auto l = labels.find(i.key); l != labels.end()) i.label = l->second, ++found;
  if (found == 0)
    fail_as(Code::bad_data, path, ": none of its ", labels.size(), " names is among the photos (the first photo is '",
            inputs.front().key, "')");
}

// A label beyond the network's classes would only ever count as wrong.
void check_labels(const std::vector<Input>& inputs, const Classifier& classifier) {
  for (const Input& i : inputs)
    if (i.label && *i.label >= classifier.class_count())
      fail_as(Code::bad_data, "label ", *i.label, " of ", i.path, ": the network has the classes 0 to ",
              classifier.class_count() - 1);
}

Accuracy accuracy_of(const std::vector<Result>& results) {
  Accuracy a;
  for (const Result& r : results) {
    if (!r.error.empty() || !r.input->label) continue;
    ++a.n;
    for (std::size_t i = 0; i < std::min<std::size_t>(5, r.answer.top.size()); ++i)
      if (r.answer.top[i].index == *r.input->label) a.top5 += 1, a.top1 += i == 0 ? 1 : 0;
  }
  return a;
}

double fraction(std::int64_t part, std::int64_t n) {
  return n == 0 ? 0 : static_cast<double>(part) / static_cast<double>(n);
}

void print_json(const Classifier& classifier, const std::vector<Result>& results, const Options& o, bool labelled) {
  Document images = Document::array();
  for (const Result& r : results)
    images.push_back(r.error.empty() ? image_json(r.input->path, r.answer, o.top)
                                     : Document{{"path", r.input->path}, {"error", r.error}});
  Document d = answers_json(model_json(classifier, classifier.path()), std::move(images));
  if (labelled) {
    const Accuracy a = accuracy_of(results);
    d["accuracy"] = {{"n", a.n}, {"top1", fraction(a.top1, a.n)}, {"top5", fraction(a.top5, a.n)}};
  }
  std::printf("%s\n", text_of(d, 1).c_str());
}

void print_table(const Classifier& classifier, const std::vector<Result>& results, const Options& o, bool labelled) {
  constexpr int kNameWidth = 32, kBarWidth = 25;
  double decode = 0, prepare = 0, inference = 0;
  std::int64_t good = 0;
  for (const Result& r : results) {
    if (!r.error.empty()) continue;
    ++good;
    decode += r.answer.decode_ms, prepare += r.answer.preprocess_ms, inference += r.answer.inference_ms;
    std::printf("%s  %lldx%lld\n", r.input->path.c_str(), static_cast<long long>(r.answer.width),
                static_cast<long long>(r.answer.height));
    for (std::size_t i = 0; i < std::min(r.answer.top.size(), static_cast<std::size_t>(o.top)); ++i) {
      const Prediction& p = r.answer.top[i];
      std::printf("  %s %5.1f %%  %s\n", column(p.name, kNameWidth).c_str(), 100.0 * p.probability,
                  bar(p.probability, kBarWidth).c_str());
    }
  }
  const double n = static_cast<double>(std::max<std::int64_t>(good, 1));
  std::printf("%s %s, %s (%s): %.1f ms each (decode %.1f, preprocess %.1f, inference %.1f)\n", grouped(good).c_str(),
              good == 1 ? "photo" : "photos", classifier.net().name().c_str(), classifier.path().c_str(),
              (decode + prepare + inference) / n, decode / n, prepare / n, inference / n);
  if (labelled) {
    const Accuracy a = accuracy_of(results);
    std::printf("accuracy on %s labelled: top-1 %.2f %%, top-5 %.2f %%\n", grouped(a.n).c_str(),
                100 * fraction(a.top1, a.n), 100 * fraction(a.top5, a.n));
  }
}

int classify(const Options& o) {
  if (o.threads > 0) set_thread_count(o.threads);
  thread_count();  // a malformed FOVEA_THREADS ends the run here, not in the middle of it
  std::vector<Input> inputs = collect_inputs(o.inputs);
  add_labels(inputs, o.labels);
  const bool labelled = std::any_of(inputs.begin(), inputs.end(), [](const Input& i) { return i.label.has_value(); });
  const Classifier classifier = load_classifier(o.weights, classifier_options(o));
  check_labels(inputs, classifier);
  const std::vector<Result> results = run(classifier, inputs, o);
  if (o.json)
    print_json(classifier, results, o, labelled);
  else
    print_table(classifier, results, o, labelled);
  bool all_good = true;
  for (const Result& r : results) {
    if (r.error.empty()) continue;
    all_good = false;
    std::fprintf(stderr, "fovea: %s\n", r.error.c_str());
  }
  return all_good ? kGood : kBadData;
}
}  // namespace

Run add_classify(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* c = app.add_subcommand("classify", "Say what is on photos");
  c->add_option("IMG|DIR", o->inputs, "Photos, folders, CIFAR-10 .bin files")->required();
  add_weight_options(*c, o->weights, o->model, o->options);
  c->add_option("--top", o->top, "Classes to print")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N");
  c->add_option("--labels", o->labels, "Lines of `name class`: adds the accuracy")->type_name("FILE");
  c->add_option("--resize", o->resize, "Short side in pixels instead of the file's; 0: keep")
      ->check(CLI::Range(0, 16384))
      ->type_name("N");
  c->add_option("--crop", o->crop, "Centre crop instead of the file's; 0: none")
      ->check(CLI::Range(0, 16384))
      ->type_name("N");
  c->add_option("--batch", o->batch, "Photos in memory at a time, run side by side")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096))
      ->type_name("N");
  c->add_option("--threads", o->threads, "Threads (default: the cores)")->check(CLI::Range(1, 1024))->type_name("N");
  c->add_flag("--json", o->json, "One JSON document on stdout, nothing else");
  return [o] { return classify(*o); };
}

}  // namespace fovea::tools
