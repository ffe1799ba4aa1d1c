// fovea convert: weights of PyTorch or safetensors in, one safetensors file with everything that inference needs out.
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fovea/image/classifier.h>
#include <fovea/io/rename.h>
#include <fovea/io/safetensors.h>
#include <fovea/io/weights.h>
#include <fovea/models/create.h>

#include "command.h"
#include "terminal.h"
#include "weights.h"

namespace fovea::tools {

namespace {
struct Options {
  std::string in, out, model, preprocess, classes, rename, license, origin;
  std::vector<std::string> options;
  bool half = false;
};

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) fail_as(Code::not_found, path, ": cannot be opened");
  return {std::istreambuf_iterator<char>(in), {}};
}

const std::string* find(const Metadata& metadata, const std::string& key) {
  for (const auto& [k, v] : metadata)
    if (k == key) return &v;
  return nullptr;
}

void set(Metadata& metadata, const std::string& key, std::string value) {
  for (auto& [k, v] : metadata)
    if (k == key) return void(v = std::move(value));
  metadata.emplace_back(key, std::move(value));
}

// One class a line; what follows a comma are synonyms and is dropped.
std::string classes_json(const std::string& path) {
  std::ifstream in(path);
  if (!in) fail_as(Code::not_found, path, ": cannot be opened");
  Json::Array names;
  for (std::string line; std::getline(in, line);) {
    line = line.substr(0, line.find(','));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.empty()) fail_data({.file = path, .field = to_text("line ", names.size() + 1)}, "a class without a name");
    names.emplace_back(line);
  }
  return Json(std::move(names)).dump();
}

std::string model_json(const AnyNet& net) {
  Json options{Json::Object{}};
  for (const auto& [key, value] : net.options()) options[key] = value;
  Json json;
  json["name"] = net.name();
  json["options"] = options;
  return json.dump();
}

Metadata make_metadata(const TensorFile& in, const AnyNet* net, const Options& o) {
  Metadata m = in.metadata;
  set(m, "fovea.format", "1");
  if (net) {
    set(m, "fovea.model", model_json(*net));
    if (!find(m, "fovea.preprocess")) set(m, "fovea.preprocess", published_json(net->published()).dump());
  }
  if (!o.preprocess.empty())  // read and written again, so that what is stored is known to be right
    set(m, "fovea.preprocess",
        Preprocess::from_json(Json::parse(read_file(o.preprocess), {.file = o.preprocess}), o.preprocess)
            .to_json()
            .dump());
  if (!o.classes.empty()) set(m, "fovea.classes", classes_json(o.classes));
  if (!o.license.empty()) set(m, "fovea.license", o.license);
  if (!o.origin.empty()) set(m, "fovea.origin", o.origin);
  return m;
}

bool is_wide_float(DType t) { return t == DType::f32 || t == DType::f64; }

NamedTensors to_half(const NamedTensors& tensors) {
  NamedTensors out;
  for (const auto& [name, t] : tensors) {
    AnyTensor h = is_wide_float(t.dtype()) ? t.to(DType::f16) : t;
    if (is_wide_float(t.dtype())) {
      const Tensor<float> back = h.to<float>(), from = t.to<float>();
      for (std::int64_t i = 0; i < back.numel(); ++i)
        if (std::isinf(back.data()[i]) && !std::isinf(from.data()[i]))
          fail_as(Code::bad_data, "--half: ", name, " holds ", from.data()[i], ", which is beyond float16 (65,504)");
    }
    out.emplace_back(name, std::move(h));
  }
  return out;
}

int convert(const Options& o) {
  if (o.model.empty() && !o.options.empty()) fail("--option wants --model, whose option it is");
  TensorFile in = state_dict(load_weights(find_weights(o.in)));
  if (!o.rename.empty()) in.tensors = RenameRules::parse(read_file(o.rename), o.rename).apply(std::move(in.tensors));
  std::optional<AnyNet> net;
  if (!o.model.empty()) {
    net = models::create(o.model, parse_options(o.options));
    load_into(*net, in);  // strict: a file that does not fit is refused here, with the difference
  }
  in.metadata = make_metadata(in, net ? &*net : nullptr, o);
  // What is written must load: a file that says what it holds is tried first.
  if (find(in.metadata, "fovea.model") && !find(in.metadata, "fovea.trace")) Classifier{in};
  const NamedTensors tensors = o.half ? to_half(in.tensors) : in.tensors;
  save_safetensors(o.out, tensors, in.metadata);
  in.check();
  std::printf("%s: %s tensors, %s\n", o.out.c_str(), grouped(static_cast<std::int64_t>(tensors.size())).c_str(),
              file_size(static_cast<double>(std::filesystem::file_size(o.out))).c_str());
  return kGood;
}
}  // namespace

Run add_convert(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* c = app.add_subcommand("convert", "Weights of PyTorch or safetensors to one safetensors file");
  c->add_option("IN", o->in, "safetensors, .pth or .th")->required();
  c->add_option("OUT", o->out, "The safetensors file to write; keeps the metadata of IN")->required();
  c->add_flag("--half", o->half, "Store float32 and float64 tensors as float16");
  c->add_option("--model", o->model, "Architecture; the tensors must fit it")->type_name("NAME");
  c->add_option("--option", o->options, "Option of that architecture, e.g. padding=same")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  c->add_option("--preprocess", o->preprocess, "JSON instead of the architecture's published one")
      ->type_name("FILE.json");
  c->add_option("--classes", o->classes, "Class names, one a line")->type_name("FILE");
  c->add_option("--rename", o->rename, "Rules: strip PREFIX, rename REGEX -> TEXT, drop REGEX")->type_name("FILE");
  c->add_option("--license", o->license, "Licence of the weights")->type_name("TEXT");
  c->add_option("--origin", o->origin, "Where they come from")->type_name("TEXT");
  return [o] { return convert(*o); };
}

}  // namespace fovea::tools
