// A group of reference cases (GROUP.json and GROUP.safetensors), from the data folder or from tests/data/reference.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include <fovea/io/safetensors.h>
#include <support/support.h>

namespace fovea::test {

struct ReferenceGroup {
  nlohmann::json cases;
  TensorFile tensors;

  ReferenceGroup(const std::filesystem::path& folder, const std::string& group) {
    const nlohmann::json index = nlohmann::json::parse(read_text(folder / (group + ".json")));
    cases = index.at("cases");
    tensors = load_safetensors(folder / index.at("tensors").get<std::string>());
  }
  // The tensor CASE/KEY, KEY being "in/x" or "out/y".
  template <class T>
  Tensor<T> tensor(const std::string& name, const std::string& key) const {
    return tensors.at(name + "/" + key).template as<T>();
  }
};

}  // namespace fovea::test
