// The networks that the server answers with: names known at once, loaded while the port already listens.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../answer_json.h"

namespace fovea::tools {

struct ServedModel {
  std::string name;            // of ?model=NAME: the file's name without suffix
  std::filesystem::path path;  // of the weight file
  std::unique_ptr<const Classifier> classifier = nullptr;
  Document answer = nullptr;  // the `model` of an answer
};

class ServedModels {
 public:
  // Finds the weight files (see find_weights) without loading them. Two of one name are an error.
  explicit ServedModels(const std::vector<std::string>& weights);

  // Loads them all; from then on ready() is true. max_upload: told by description(). Errors: those of Classifier::load.
  void load(std::uint64_t max_upload);
  bool ready() const { return ready_.load(std::memory_order_acquire); }

  // What follows wants ready().
  // The model of this name, the first for an empty one; null if there is none.
  const ServedModel* find(std::string_view name) const;
  std::vector<std::string> names() const;
  // The answer to GET /api/models, a JSON document: thousands of class names are written out once, not for each
  // request.
  const std::string& description() const { return description_; }

 private:
  std::vector<ServedModel> models_;
  std::string description_;
  std::atomic<bool> ready_{false};
};

}  // namespace fovea::tools
