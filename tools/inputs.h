// The photos that `fovea classify` was given: files, folders (searched to the bottom) and CIFAR-10 .bin files.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fovea/data/cifar10.h>
#include <fovea/image/classifier.h>

namespace fovea::tools {

struct Input {
  std::string path;                   // as printed: the file, or FILE#17 for a record
  std::string key;                    // what a label file calls it: the path below its folder, or the base name
  std::optional<std::int64_t> label;  // class index, where known
  std::shared_ptr<const Cifar10File> cifar = nullptr;
  std::int64_t record = 0;

  Prepared prepare(const Classifier& classifier) const;
};

// All photos of the arguments; a folder's in the order of their names. An argument that is not there, or a folder
// without a photo, is an error.
std::vector<Input> collect_inputs(const std::vector<std::string>& arguments);

// Lines of `name class`, name being Input::key, class an index >= 0; '#' begins a comment. Malformed lines are bad
// data.
std::map<std::string, std::int64_t> read_labels(const std::string& path);

}  // namespace fovea::tools
