#include "weights.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace fovea::tools {

namespace fs = std::filesystem;

namespace {
std::vector<fs::path> model_folders() {
  std::vector<fs::path> folders;
  if (const char* list = std::getenv("FOVEA_MODELS")) {
    std::stringstream in(list);
    for (std::string folder; std::getline(in, folder, ':');)
      if (!folder.empty()) folders.emplace_back(folder);
  }
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) folders.push_back((program.parent_path() / "../share/fovea/models").lexically_normal());
  folders.push_back(fs::path(FOVEA_SOURCE_DIR) / "models");
  return folders;
}

// What the file does not say, and what was taken instead: one line.
std::string defaults_taken(const Classifier& c, const std::string& path, bool named) {
  std::string line = to_text(path, ": as published for ", c.net().name(), ":");
  if (named)
    for (const auto& [key, value] : c.net().options()) line += " " + key + "=" + value;
  if (c.published_preprocess()) line += to_text(named ? ", " : " ", "preprocess ", c.preprocessing().to_json().dump());
  return line;
}
}  // namespace

fs::path find_weights(const std::string& name) {
  if (fs::exists(name)) return name;
  std::string places = "\n  " + fs::absolute(name).string();
  if (!fs::path(name).has_parent_path())
    for (const fs::path& folder : model_folders())
      for (const char* suffix : {"", ".safetensors"}) {
        const fs::path path = folder / (name + suffix);
        if (fs::is_regular_file(path)) return path;
        places += "\n  " + path.string();
      }
  fail_as(Code::not_found, "no weight file ", name, "; looked for", places, "\nThe net that ships is models/",
          kDefaultWeights,
          " of the source tree; `fovea convert IN.pth OUT.safetensors --model NAME` makes one from PyTorch's weights.");
}

void add_weight_options(CLI::App& command, std::string& weights, std::string& model,
                        std::vector<std::string>& options) {
  command.add_option("--weights", weights, "Weight file: safetensors, .pth or .th")
      ->capture_default_str()
      ->type_name("F");
  command.add_option("--model", model, "Architecture, where the file does not say it")->type_name("NAME");
  command.add_option("--option", options, "Option of that architecture, e.g. padding=same")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

models::Options parse_options(const std::vector<std::string>& pairs) {
  models::Options options;
  for (const std::string& pair : pairs) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) fail("--option ", pair, ": KEY=VALUE is wanted, e.g. padding=same");
    options[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return options;
}

Classifier load_classifier(const std::string& weights, const ClassifierOptions& options, std::string_view command) {
  const fs::path path = find_weights(weights);
  try {
    Classifier classifier = Classifier::load(path, options);
    if (!options.model.empty() || classifier.published_preprocess())
      std::fprintf(stderr, "fovea: %s\n", defaults_taken(classifier, path.string(), !options.model.empty()).c_str());
    return classifier;
  } catch (const Error& e) {
    if (e.status().field != kNoModelField || !options.model.empty()) throw;
    std::string names;
    for (const std::string& name : models::names()) names += " " + name;
    fail_as(Code::bad_data, e.what(), "\nTry: fovea ", command, " --weights ", path.string(),
            " --model NAME   (`fovea info ", path.string(), "` shows the layers; NAME is one of", names, ")");
  }
}

}  // namespace fovea::tools
