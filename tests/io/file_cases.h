// Walks the index of a group of weight files (files-safetensors, files-pth) and measures what reading them costs.
#pragma once

#include <sys/resource.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include <fovea/io/tensor_file.h>
#include <support/catch.h>
#include <support/support.h>

namespace fovea::test {

struct FileCase {
  std::string name;
  std::filesystem::path folder;  // of the reference data
  nlohmann::json json;
  std::filesystem::path file() const { return folder / json.at("file").get<std::string>(); }
  std::string verdict() const { return json.at("verdict"); }
};

// Calls f(case) for every case of the group's index in `folder`; returns their number.
template <class F>
int for_each_file(const std::filesystem::path& folder, const std::string& group, F&& f) {
  const auto index = nlohmann::json::parse(read_text(folder / (group + ".json")));
  int n = 0;
  for (const auto& c : index.at("cases")) {
    const FileCase file_case{c.at("name"), folder, c};
    INFO(file_case.name);
    REQUIRE(std::filesystem::file_size(file_case.file()) == c.at("bytes"));
    f(file_case);
    ++n;
  }
  return n;
}

// What a reader said: a file, or the error. Every refusal must be bad data, name a field and come quickly.
struct Answer {
  std::optional<TensorFile> file;
  std::string error;
};
template <class Read>
Answer ask(Read&& read) {
  const auto start = std::chrono::steady_clock::now();
  Answer answer;
  try {
    answer.file = read();
  } catch (const Error& e) {
    answer.error = e.what();
    CHECK(e.code() == Code::bad_data);
    CHECK(e.status().field[0] != '\0');
  }
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
  return answer;
}

// Largest resident size of this process so far, in bytes.
inline std::size_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

}  // namespace fovea::test
