#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include <fovea/core/cpu.h>
#include <support/catch.h>
#include <support/support.h>

namespace fovea::test {
namespace {
std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool command_exists(std::string_view name) {
  std::stringstream folders(environment("PATH"));
  for (std::string folder; std::getline(folders, folder, ':');)
    if (std::filesystem::is_regular_file(std::filesystem::path(folder) / name)) return true;
  return false;
}

bool met(std::string_view need) {
  if (need == "data") return std::filesystem::exists(shared_data("README.md"));
  if (need == "turbojpeg") {
#if __has_include(<turbojpeg.h>)
    return true;
#else
    return false;
#endif
  }
  if (need == "djxl" || need == "promtool") return command_exists(need);
  return cpu_has(parse_isa(need));  // an unknown name is an error, and the test fails
}

void report_skip(std::string_view need) {
  const std::string test = Catch::getResultCapture().getCurrentTestName();
  std::fprintf(stderr, "SKIPPED: %s | needs: %.*s\n", test.c_str(), static_cast<int>(need.size()), need.data());
  const std::string log = environment("FOVEA_SKIP_LOG");
  if (log.empty()) return;
  std::ofstream out(log, std::ios::app);
  out << test << " | " << need << '\n';
  if (!out.flush()) throw std::runtime_error("FOVEA_SKIP_LOG: cannot write " + log);
}
}  // namespace

bool needs(std::string_view need) {
  if (met(need)) return true;
  report_skip(need);
  return false;
}

std::filesystem::path shared_folder() {
  const std::string folder = environment("FOVEA_SHARED");
  return folder.empty() ? source_file("../shared") : std::filesystem::path(folder);
}
std::filesystem::path shared_data(std::string_view relative) { return shared_folder() / "data" / relative; }
std::filesystem::path source_file(std::string_view relative) {
  return std::filesystem::path(FOVEA_SOURCE_DIR) / relative;
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot open " + path.string());
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (in.bad()) throw std::runtime_error("cannot read " + path.string());
  return text;
}
std::vector<std::uint8_t> read_bytes(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  return {text.begin(), text.end()};
}

std::uint64_t seed() {
  const std::string text = environment("FOVEA_SEED");
  if (text.empty()) return 1;
  std::size_t used = 0;
  const std::uint64_t value = std::stoull(text, &used, 0);  // decimal, or hexadecimal after 0x
  if (used != text.size()) throw std::invalid_argument("FOVEA_SEED is no number: " + text);
  return value;
}

bool full() { return environment("FOVEA_FULL") == "1"; }

std::uint64_t Random::next() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}
std::int64_t Random::between(std::int64_t low, std::int64_t high) {
  const std::uint64_t count = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;  // 0: all 2^64
  const std::uint64_t r = next();
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + (count == 0 ? r : r % count));
}

}  // namespace fovea::test
