// fovea info: what a weight file holds.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include <fovea/io/weights.h>

#include "command.h"
#include "terminal.h"
#include "weights.h"

namespace fovea::tools {

namespace {
struct Options {
  std::string file;
  bool stats = false, json = false;
};

struct Statistics {
  double min = 0, max = 0, mean = 0, std = 0;
  std::int64_t not_finite = 0;
  std::array<std::int64_t, 16> histogram{};  // equal bins from min to max
};

Statistics statistics_of(const AnyTensor& t) {
  const Tensor<double> values = t.to<double>();
  Statistics s;
  double sum = 0, squares = 0;
  std::int64_t n = 0;
  for (const double v : values.values()) {
    if (!std::isfinite(v)) {
      ++s.not_finite;
      continue;
    }
    s.min = n == 0 ? v : std::min(s.min, v), s.max = n == 0 ? v : std::max(s.max, v);
    sum += v, ++n;
  }
  if (n == 0) return s;
  s.mean = sum / static_cast<double>(n);
  const double bins = static_cast<double>(s.histogram.size()), width = s.max - s.min;
  for (const double v : values.values()) {
    if (!std::isfinite(v)) continue;
    squares += (v - s.mean) * (v - s.mean);
    const double bin = width > 0 ? (v - s.min) / width * bins : 0;
    ++s.histogram[static_cast<std::size_t>(std::min(bin, bins - 1))];
  }
  s.std = std::sqrt(squares / static_cast<double>(n));
  return s;
}

// Trained values: without the statistics and counters of batch norm.
std::int64_t parameters_of(const TensorFile& f) {
  std::int64_t n = 0;
  for (const auto& [name, t] : f.tensors)
    if (!name.ends_with("running_mean") && !name.ends_with("running_var") && !name.ends_with("num_batches_tracked"))
      n += t.numel();
  return n;
}

std::string sparkline(const Statistics& s) {
  static constexpr const char* kLevels[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const std::int64_t most = std::max<std::int64_t>(1, *std::max_element(s.histogram.begin(), s.histogram.end()));
  std::string line;
  for (const std::int64_t n : s.histogram) line += kLevels[(n * 8 + most - 1) / most];
  return line;
}

void print_statistics(const AnyTensor& t) {
  const Statistics s = statistics_of(t);
  std::printf("      %s  %.4g .. %.4g, mean %.4g, std %.4g", sparkline(s).c_str(), s.min, s.max, s.mean, s.std);
  if (s.not_finite > 0) std::printf(", %s NOT FINITE", grouped(s.not_finite).c_str());
  std::printf("\n");
}

// Long values (class names, traces) are shortened for people.
std::string shortened(const std::string& text) {
  constexpr std::size_t kLength = 160;
  return text.size() <= kLength
             ? text
             : text.substr(0, kLength) + to_text("... (", grouped(static_cast<std::int64_t>(text.size())), " bytes)");
}

void print_text(const TensorFile& f, std::int64_t values, const Options& o) {
  std::printf("%s: %s, %s tensors, %s parameters (%s values with statistics)\n", f.path.c_str(),
              file_size(static_cast<double>(std::filesystem::file_size(f.path))).c_str(),
              grouped(static_cast<std::int64_t>(f.tensors.size() + f.opaque.size())).c_str(),
              grouped(parameters_of(f)).c_str(), grouped(values).c_str());
  for (const auto& [key, value] : f.metadata) std::printf("  %s = %s\n", key.c_str(), shortened(value).c_str());
  for (const auto& [name, t] : f.tensors) {
    std::printf("  %s %-9s %s\n", column(name, 48).c_str(), std::string(name_of(t.dtype())).c_str(),
                to_text(t.shape()).c_str());
    if (o.stats) print_statistics(t);
  }
  for (const auto& [name, t] : f.opaque)
    std::printf("  %s %-9s (this element type cannot be read)\n", column(name, 48).c_str(), t.dtype.c_str());
}

void print_json(const TensorFile& f, std::int64_t values, const Options& o) {
  using Document = nlohmann::ordered_json;
  Document d;
  d["schema"] = "fovea.info/1";
  d["path"] = f.path;
  d["bytes"] = std::filesystem::file_size(f.path);
  d["parameters"] = parameters_of(f);
  d["values"] = values;
  d["metadata"] = Document::object();
  for (const auto& [key, value] : f.metadata) d["metadata"][key] = value;
  d["tensors"] = Document::array();
  for (const auto& [name, t] : f.tensors) {
    Document e{{"name", name},
               {"dtype", name_of(t.dtype())},
               {"shape", std::vector<std::int64_t>(t.shape().begin(), t.shape().end())}};
    if (o.stats) {
      const Statistics s = statistics_of(t);
      e["stats"] = {{"min", s.min},
                    {"max", s.max},
                    {"mean", s.mean},
                    {"std", s.std},
                    {"not_finite", s.not_finite},
                    {"histogram", s.histogram}};
    }
    d["tensors"].push_back(std::move(e));
  }
  for (const auto& [name, t] : f.opaque)
    d["tensors"].push_back({{"name", name}, {"dtype", t.dtype}, {"shape", t.shape}});
  std::printf("%s\n", d.dump(1, ' ', false, Document::error_handler_t::replace).c_str());
}

int info(const Options& o) {
  const TensorFile f = load_weights(find_weights(o.file));
  std::int64_t values = 0;
  for (const auto& [name, t] : f.tensors) values += t.numel();
  if (o.json)
    print_json(f, values, o);
  else
    print_text(f, values, o);
  f.check();
  return kGood;
}
}  // namespace

Run add_info(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* c = app.add_subcommand("info", "What a weight file holds");
  c->add_option("FILE", o->file, "safetensors, .pth or .th")->required();
  c->add_flag("--stats", o->stats, "A line a tensor: histogram, range, mean, deviation");
  c->add_flag("--json", o->json, "One JSON document on stdout, nothing else");
  return [o] { return info(*o); };
}

}  // namespace fovea::tools
