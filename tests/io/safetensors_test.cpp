#include <fovea/io/safetensors.h>

#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <map>

#include <fovea/io/sha256.h>
#include <support/catch.h>
#include <support/support.h>

#include "file_cases.h"
#include "temporary_folder.h"

namespace fovea::test {
namespace {

struct Found {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};
std::map<std::string, Found> contents(const TensorFile& file) {
  std::map<std::string, Found> all;
  for (const auto& [name, t] : file.tensors)
    all[name] = {
        std::string(detail::safetensors_name(t.dtype())), {t.shape().begin(), t.shape().end()}, {t.data(), t.bytes()}};
  for (const auto& [name, t] : file.opaque) all[name] = {t.dtype, t.shape, {t.bytes.data(), t.bytes.bytes()}};
  return all;
}

void check_contents(const FileCase& c, const TensorFile& file) {
  const auto found = contents(file);
  CHECK(found.size() == c.json.value("tensor_count", c.json.at("tensors").size()));
  CHECK(found.size() == file.tensors.size() + file.opaque.size());
  for (const auto& [name, expected] : c.json.at("tensors").items()) {
    INFO("tensor " << name);
    REQUIRE(found.count(name) == 1);
    const Found& t = found.at(name);
    CHECK(t.dtype == expected.at("dtype").get<std::string>());
    CHECK(t.shape == expected.at("shape").get<std::vector<std::int64_t>>());
    CHECK(t.bytes.size() == expected.at("bytes"));
    CHECK(sha256_hex(t.bytes).substr(0, 32) == expected.at("sha256").get<std::string>());
  }
}

// The index says what the reference library does, and where a careful reader should refuse all the same.
void check_case(const FileCase& c) {
  const bool accept = c.verdict() == "accept" && c.json.value("strict", "") != "refuse";
  const auto bytes = read_bytes(c.file());
  for (const bool mapped : {true, false}) {
    const Answer a = ask([&] {
      return mapped ? load_safetensors(c.file())
                    : parse_safetensors(std::as_bytes(std::span(bytes)), c.file().string());
    });
    INFO((mapped ? "mapped: " : "from memory: ") << a.error);
    CHECK(a.file.has_value() == accept);
    if (a.file && accept) check_contents(c, *a.file);
  }
}

NamedTensors samples() {
  NamedTensors t;
  t.emplace_back("scalar", Tensor<float>(Shape{}, {3.5f}));
  t.emplace_back("bytes", Tensor<std::uint8_t>({3}, {1, 2, 255}));
  t.emplace_back("empty", Tensor<double>({2, 0, 3}));
  t.emplace_back("f64", Tensor<double>({3}, {-0.0, 1e300, 0x1p-1074}));
  t.emplace_back("bf16", Tensor<bf16>({2}, {bf16(1.5f), bf16(-2.0f)}));
  t.emplace_back("f16", Tensor<half>({1, 2}, {half(0.25f), half(-65504.0f)}));
  t.emplace_back("i8", Tensor<std::int8_t>({5}, {-128, -1, 0, 1, 127}));
  t.emplace_back("i16", Tensor<std::int16_t>({1}, {-32768}));
  t.emplace_back("i32", Tensor<std::int32_t>({2, 1, 1, 1, 1, 1}, {-2147483647, 7}));
  t.emplace_back("i64", Tensor<std::int64_t>({1}, {std::int64_t{1} << 62}));
  auto flags = std::make_shared<Storage>(3);
  for (int i = 0; i < 3; ++i) flags->data()[i] = std::byte(i % 2);
  t.emplace_back("flags", AnyTensor(DType::boolean, Shape{3}, flags));
  t.emplace_back("large", Tensor<std::uint8_t>({64 * 7}, std::uint8_t{9}));
  return t;
}

bool same(const NamedTensors& a, const TensorFile& b) {
  if (a.size() != b.tensors.size() || !b.opaque.empty()) return false;
  for (const auto& [name, t] : a) {
    const AnyTensor* u = b.find(name);
    if (!u || u->dtype() != t.dtype() || !(u->shape() == t.shape())) return false;
    if (!std::equal(t.data(), t.data() + t.bytes(), u->data(), u->data() + u->bytes())) return false;
  }
  return true;
}

bool inside(const AnyTensor& t, std::span<const std::byte> bytes) {
  return t.data() >= bytes.data() && t.data() + t.bytes() <= bytes.data() + bytes.size();
}

}  // namespace

TEST_CASE("the committed safetensors files are read or refused as their index says") {
  CHECK(for_each_file(source_file("tests/data/reference"), "files-safetensors", check_case) >= 12);
}

TEST_CASE("all safetensors files of the shared data are read or refused as their index says") {
  if (!needs("data")) return;
  const std::size_t before = peak_memory();
  CHECK(for_each_file(shared_data("reference"), "files-safetensors", check_case) > 0);
  CHECK(peak_memory() - before < (std::size_t{512} << 20));
}

TEST_CASE("what is saved is loaded again, for every element type, and saves to the same bytes") {
  const TemporaryFolder folder;
  const Metadata metadata{{"fovea.format", "1"}, {"note \"x\"", "line\nbreak \\ \t \x01 \xe4\xb8\xad"}, {"", ""}};
  save_safetensors(folder / "a", samples(), metadata);
  const TensorFile file = load_safetensors(folder / "a");
  CHECK(same(samples(), file));
  CHECK(file.metadata == metadata);
  CHECK(*file.find_metadata("fovea.format") == "1");
  CHECK(file.find_metadata("absent") == nullptr);
  save_safetensors(folder / "b", file.tensors, file.metadata);
  CHECK(read_bytes(folder / "a") == read_bytes(folder / "b"));
  CHECK(folder.file_count() == 2);
}

TEST_CASE("saved tensors lie aligned, so that loading shares the mapped file") {
  const TemporaryFolder folder;
  save_safetensors(folder / "a", samples());
  const TensorFile file = load_safetensors(folder / "a");
  for (const auto& [name, t] : file.tensors) {
    INFO(name);
    const auto offset = static_cast<std::size_t>(t.data() - file.mapping->bytes().data());
    CHECK(inside(t, file.mapping->bytes()));
    CHECK(offset % (t.bytes() % 64 == 0 ? 64 : size_of(t.dtype())) == 0);
    CHECK(t.storage().label() == name + " of " + file.path);
  }
}

TEST_CASE("the example of docs/FORMAT.md has the bytes that are told there") {
  const TemporaryFolder folder;
  save_safetensors(folder / "a", {{"w", Tensor<float>({2, 3})}},
                   {{"fovea.format", "1"}, {"fovea.license", "Apache-2.0"}});
  const std::string bytes = read_text(folder / "a");
  const std::string header =
      R"({"__metadata__":{"fovea.format":"1","fovea.license":"Apache-2.0"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})";
  CHECK(bytes ==
        std::string("\xb8\0\0\0\0\0\0\0", 8) + header + std::string(184 - header.size(), ' ') + std::string(24, '\0'));
}

TEST_CASE("a tensor that is not aligned for its type is copied") {
  const TensorFile file =
      load_safetensors(source_file("tests/data/reference/files/safetensors/ok-mixed-dtypes.safetensors"));
  int copied = 0;
  for (const auto& [name, t] : file.tensors) copied += inside(t, file.mapping->bytes()) ? 0 : 1;
  CHECK(copied > 0);
}

TEST_CASE("writing to a loaded tensor leaves the file as it is") {
  const TemporaryFolder folder;
  save_safetensors(folder / "a", samples());
  const auto before = read_bytes(folder / "a");
  TensorFile file = load_safetensors(folder / "a");
  for (auto& [name, t] : file.tensors)
    if (t.bytes() > 0) t.mutable_data()[0] = std::byte{77};
  CHECK(file.at("large").as<std::uint8_t>().at(0) == 77);
  CHECK(read_bytes(folder / "a") == before);
}

TEST_CASE("a tensor that cannot be held is listed, and named when somebody asks for it") {
  const TensorFile file =
      load_safetensors(source_file("tests/data/reference/files/safetensors/ok-dtype-f8_e4m3.safetensors"));
  REQUIRE(file.opaque.size() == 1);
  CHECK(file.opaque[0].second.dtype == "F8_E4M3");
  CHECK_THROWS_WITH(file.at("x"), Catch::Contains("F8_E4M3") && Catch::Contains("ok-dtype-f8_e4m3"));
  CHECK_THROWS_WITH(file.at("y"), Catch::Contains("no tensor \"y\""));
}

TEST_CASE("the writer refuses names that the format cannot hold") {
  const TemporaryFolder folder;
  const AnyTensor t = Tensor<float>(Shape{1});
  CHECK_THROWS_WITH(save_safetensors(folder / "a", {{"x", t}, {"x", t}}), Catch::Contains("\"x\""));
  CHECK_THROWS_WITH(save_safetensors(folder / "a", {{"__metadata__", t}}), Catch::Contains("__metadata__"));
  CHECK_THROWS_WITH(save_safetensors(folder / "a", {{"\xff", t}}), Catch::Contains("UTF-8"));
  CHECK_THROWS_WITH(save_safetensors(folder / "a", {{"x", AnyTensor()}}), Catch::Contains("no value"));
  CHECK_THROWS_WITH(save_safetensors(folder / "a", {}, {{"k", "1"}, {"k", "2"}}), Catch::Contains("\"k\""));
  CHECK(folder.file_count() == 0);
}

TEST_CASE("saving follows a link, keeps off devices and says which folder is missing") {
  const TemporaryFolder folder;
  save_safetensors(folder / "target", {});
  std::filesystem::create_symlink(folder / "target", folder / "link");
  save_safetensors(folder / "link", samples());
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(same(samples(), load_safetensors(folder / "target")));
  CHECK_THROWS_WITH(save_safetensors("/dev/null", {}), Catch::Contains("no regular file"));
  CHECK_THROWS_WITH(save_safetensors(folder / "absent/x", {}), Catch::Contains("No such file or directory"));
}

namespace {
// Saves 1 MB in a child process that may write 100 KB only; SIGXFSZ ends it, or is ignored and write() fails.
int save_in_child(const std::filesystem::path& path, bool ignore_signal) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit limit{100000, 100000}, no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::signal(SIGXFSZ, ignore_signal ? SIG_IGN : SIG_DFL);
    try {
      save_safetensors(path, {{"x", Tensor<float>({1 << 18})}});
    } catch (const Error& e) {
      ::_exit(e.code() == Code::io ? 3 : 4);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}
}  // namespace

TEST_CASE("a write that fails or is killed leaves the old file whole") {
  const TemporaryFolder folder;
  save_safetensors(folder / "a", samples());
  const int failed = save_in_child(folder / "a", true);
  CHECK(WIFEXITED(failed));
  CHECK(WEXITSTATUS(failed) == 3);
  CHECK(folder.file_count() == 1);
  CHECK(same(samples(), load_safetensors(folder / "a")));

  const int killed = save_in_child(folder / "a", false);
  CHECK(WIFSIGNALED(killed));
  CHECK(folder.file_count() == 2);  // its temporary file
  CHECK(same(samples(), load_safetensors(folder / "a")));
  save_safetensors(folder / "a", {});
  CHECK(load_safetensors(folder / "a").tensors.empty());
  CHECK(folder.file_count() == 2);
}

}  // namespace fovea::test
