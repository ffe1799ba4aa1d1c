#include "inputs.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <fstream>

namespace fovea::tools {

namespace fs = std::filesystem;

namespace {
std::string lower_suffix(const fs::path& path) {
  std::string s = path.extension().string();
  std::transform(s.begin(), s.end(), s.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return s;
}

// Names that a photo in a folder may have. Formats that we refuse are among them: silence about a photo would be worse.
bool looks_like_photo(const fs::path& path) {
  static constexpr const char* kSuffixes[] = {".jpg", ".jpeg", ".jpe",  ".png",  ".bmp",  ".pnm", ".pbm", ".pgm",
                                              ".ppm", ".webp", ".heic", ".heif", ".avif", ".gif", ".tif", ".tiff"};
  const std::string suffix = lower_suffix(path);
  return std::any_of(std::begin(kSuffixes), std::end(kSuffixes), [&](const char* s) { return suffix == s; });
}

void add_folder(const fs::path& folder, std::vector<Input>& inputs) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && looks_like_photo(entry.path())) files.push_back(entry.path());
  if (files.empty()) fail_as(Code::not_found, folder.string(), ": no photo in this folder (JPEG, PNG, BMP or PNM)");
  std::sort(files.begin(), files.end());
  for (const fs::path& f : files)
    inputs.push_back({.path = f.string(), .key = f.lexically_relative(folder).generic_string(), .label = {}});
}

void add_cifar(const fs::path& path, std::vector<Input>& inputs) {
  const auto file = std::make_shared<const Cifar10File>(path);
  for (std::int64_t i = 0; i < file->size(); ++i) {
    const std::string number = "#" + std::to_string(i);
    inputs.push_back({.path = path.string() + number,
                      .key = path.filename().string() + number,
                      .label = file->label(i),
                      .cifar = file,
                      .record = i});
  }
}
}  // namespace

Prepared Input::prepare(const Classifier& classifier) const {
  return cifar ? classifier.prepare_pixels(cifar->image(record)) : classifier.prepare_file(path);
}

std::vector<Input> collect_inputs(const std::vector<std::string>& arguments) {
  std::vector<Input> inputs;
  for (const std::string& a : arguments) {
    if (fs::is_directory(a))
      add_folder(a, inputs);
    else if (!fs::exists(a))
      fail_as(Code::not_found, a, ": no such file or folder");
    else if (lower_suffix(a) == ".bin")
      add_cifar(a, inputs);
    else
      inputs.push_back({.path = a, .key = fs::path(a).filename().string(), .label = {}});
  }
  return inputs;
}

std::map<std::string, std::int64_t> read_labels(const std::string& path) {
  std::ifstream in(path);
  if (!in) fail_as(Code::not_found, path, ": the label file cannot be opened");
  std::map<std::string, std::int64_t> labels;
  std::int64_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back()))) line.pop_back();
    if (line.empty() || line[0] == '#') continue;
    const std::size_t blank = line.find_last_of(" \t");  // names may have blanks, the class is the last word
    std::int64_t label = -1;
    const char* end = line.data() + line.size();
    const char* begin = blank == std::string::npos ? end : line.data() + blank + 1;
    const auto parsed = std::from_chars(begin, end, label);
    const std::size_t name_end = blank == std::string::npos ? 0 : line.find_last_not_of(" \t", blank) + 1;
    if (name_end == 0 || parsed.ec != std::errc() || parsed.ptr != end || label < 0)
      fail_data({.file = path, .field = "line " + std::to_string(number)}, "'", line,
                "': `name class` is wanted, class an index");
    if (!labels.emplace(line.substr(0, name_end), label).second)
      fail_data({.file = path, .field = "line " + std::to_string(number)}, "'", line.substr(0, name_end),
                "' has a label already");
  }
  return labels;
}

}  // namespace fovea::tools
