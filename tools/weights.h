// Where the program finds nets, and how it reads them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <fovea/image/classifier.h>

#include "command.h"

namespace fovea::tools {

inline constexpr const char* kDefaultWeights = "efficientnet-lite0.safetensors";

// A path that exists as it stands, else a net of that name (with or without .safetensors) in FOVEA_MODELS (folders
// separated by ':'), in ../share/fovea/models beside the program, or in the source tree that it was built from.
// A file that is in none of them is an error that names every place.
std::filesystem::path find_weights(const std::string& name);

// The options --weights, --model and --option of a command that runs a network.
void add_weight_options(CLI::App& command, std::string& weights, std::string& model, std::vector<std::string>& options);

// --option KEY=VALUE, split; anything else is an error.
models::Options parse_options(const std::vector<std::string>& pairs);

// Loads and says on stderr which published defaults were taken where the file itself does not say. `command`: the words
// after fovea that the user is told to try where the file does not say its architecture.
Classifier load_classifier(const std::string& weights, const ClassifierOptions& options,
                           std::string_view command = "classify IMG");

}  // namespace fovea::tools
