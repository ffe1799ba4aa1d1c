#include <fovea/io/pth.h>

#include <map>

#include <fovea/io/safetensors.h>
#include <support/catch.h>
#include <support/support.h>

#include "file_cases.h"
#include "temporary_folder.h"

namespace fovea::test {
namespace {

struct Found {
  std::vector<std::int64_t> shape;
  std::string bytes;
  bool operator==(const Found&) const = default;
};
std::map<std::string, Found> contents(const TensorFile& file) {
  const auto text = [](const AnyTensor& t) { return std::string(reinterpret_cast<const char*>(t.data()), t.bytes()); };
  std::map<std::string, Found> all;
  for (const auto& [name, t] : file.tensors) all[name] = {{t.shape().begin(), t.shape().end()}, text(t)};
  for (const auto& [name, t] : file.opaque) all[name] = {t.shape, text(t.bytes)};
  return all;
}

// The index writes floats as Python's repr, which is the shortest text that reads back equal, as ours is.
nlohmann::json leaf(const Json& j) {
  if (j.kind() == Json::Kind::real) return j.dump();
  return nlohmann::json::parse(j.dump());
}

void check_leaves(const FileCase& c, const TensorFile& file) {
  if (!c.json.value("other", nlohmann::json()).is_object()) return;
  CHECK(file.other.size() == c.json.at("other").size());
  for (const auto& [path, value] : file.other) {
    INFO("leaf " << path);
    CHECK(leaf(value) == c.json.at("other").at(path));
  }
}

void check_contents(const FileCase& c, const TensorFile& file) {
  const auto found = contents(file);
  if (c.json.value("expected", nlohmann::json()).is_string())
    CHECK(found == contents(load_safetensors(c.folder / c.json.at("expected").get<std::string>())));
  check_leaves(c, file);
  if (!c.json.at("tensors").is_object()) return;  // long lists are not in the index
  CHECK(found.size() == c.json.at("tensors").size());
  for (const auto& [name, expected] : c.json.at("tensors").items()) {
    INFO("tensor " << name);
    REQUIRE(found.count(name) == 1);
    CHECK(found.at(name).shape == expected.at("shape").get<std::vector<std::int64_t>>());
    if (expected.contains("values")) {
      const auto values = expected.at("values").get<std::vector<float>>();
      CHECK(found.at(name).bytes == std::string(reinterpret_cast<const char*>(values.data()), 4 * values.size()));
    } else if (const AnyTensor* t = file.tensors.empty() ? nullptr : file.find(name)) {
      CHECK(name_of(t->dtype()) == expected.at("dtype").get<std::string>());
    } else {
      CHECK(file.opaque[0].second.dtype == file.opaque[0].first);  // of these files the tensors are named by their type
    }
  }
}

void check_case(const FileCase& c) {
  const auto bytes = read_bytes(c.file());
  for (const bool mapped : {true, false}) {
    const Answer a = ask(
        [&] { return mapped ? load_pth(c.file()) : parse_pth(std::as_bytes(std::span(bytes)), c.file().string()); });
    INFO((mapped ? "mapped: " : "from memory: ") << a.error);
    if (c.verdict() != "either") CHECK(a.file.has_value() == (c.verdict() == "accept"));
    if (a.file && c.verdict() != "refuse" && c.json.contains("tensors")) check_contents(c, *a.file);
  }
}

// --- hand-made files of the older form ---
using namespace std::string_literals;

const std::string kHeader =
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."s  // magic number
    "\x80\x02M\xe9\x03."s                                         // protocol version 1001
    "\x80\x02}X\x0d\x00\x00\x00little_endian\x88s."s;

std::string little(std::uint64_t v, std::size_t bytes) { return std::string(reinterpret_cast<const char*>(&v), bytes); }
std::string text(const std::string& s) { return "X" + little(s.size(), 4) + s; }
std::string integer(std::int64_t v) { return "\x8a\x08" + little(static_cast<std::uint64_t>(v), 8); }
std::string storage(const std::string& key, int elements) {
  return "(" + text("storage") + "ctorch\nFloatStorage\n" + text(key) + text("cuda:0") + integer(elements) + "tQ";
}
std::string tensor(const std::string& of_storage, int offset, const std::string& sizes, const std::string& strides) {
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + of_storage + integer(offset) + "(" + sizes + "t(" + strides +
         "t\x89}tR";
}
// `object` is the pickle between its protocol and STOP; one storage "0" with these values.
std::string legacy_file(const std::string& object, const std::vector<float>& values = {}) {
  std::string s = kHeader + "\x80\x02" + object + ".\x80\x02](" + (values.empty() ? "" : text("0")) + "e.";
  if (values.empty()) return s;
  return s + little(values.size(), 8) + std::string(reinterpret_cast<const char*>(values.data()), 4 * values.size());
}
TensorFile parse(const std::string& s) { return parse_pth(std::as_bytes(std::span(s)), "hand-made.pth"); }

}  // namespace

TEST_CASE("the committed .pth files are read or refused as their index says") {
  CHECK(for_each_file(source_file("tests/data/reference"), "files-pth", check_case) >= 12);
}

TEST_CASE("all .pth files of the shared data are read or refused as their index says") {
  if (!needs("data")) return;
  const std::size_t before = peak_memory();
  CHECK(for_each_file(shared_data("reference"), "files-pth", check_case) > 0);
  CHECK(peak_memory() - before < (std::size_t{512} << 20));
}

TEST_CASE("a state dict and a training checkpoint give the same tensors in both forms") {
  if (!needs("data")) return;
  const auto expected = contents(load_safetensors(shared_data("weights/pth-samples/expected.safetensors")));
  REQUIRE(!expected.empty());
  for (const std::string form : {"zip", "legacy"}) {
    CHECK(contents(load_pth(shared_data("weights/pth-samples/plain-" + form + ".pth"))) == expected);
    const auto mixed = contents(load_pth(shared_data("weights/pth-samples/mixed-" + form + ".pth")));
    for (const auto& [name, t] : expected) CHECK(mixed.at("state_dict/" + name) == t);
  }
}

TEST_CASE("the older and the zip form of one CIFAR network hold the same values") {
  if (!needs("data")) return;
  const auto older = contents(load_pth(shared_data("weights/cifar10/resnet20.th")));
  CHECK(older.size() > 90);
  CHECK(older == contents(load_pth(shared_data("weights/cifar10/resnet20-zip.pth"))));
}

TEST_CASE("tensors of a zip file lie in the mapping and know their names") {
  const TensorFile file = load_pth(source_file("tests/data/reference/files/pth/ok-module-zip.pth"));
  const AnyTensor& w = file.at("conv.weight");
  const auto bytes = file.mapping->bytes();
  CHECK(w.data() >= bytes.data());
  CHECK(w.data() + w.bytes() <= bytes.data() + bytes.size());
  CHECK(w.storage().label() == "conv.weight of " + file.path);
}

TEST_CASE("views of one storage become tensors of their own") {
  const std::string all = tensor(storage("0", 6), 0, integer(6), integer(1));
  const std::string transposed = tensor(storage("0", 6), 0, integer(3) + integer(2), integer(1) + integer(3));
  TensorFile file =
      parse(legacy_file("}(" + text("a") + all + text("b") + transposed + text("c") + all + "u", {0, 1, 2, 3, 4, 5}));
  const Tensor<float> b = file.at("b").as<float>();
  CHECK(b.at(0, 1) == 3);
  CHECK(b.at(2, 0) == 2);
  file.tensors[0].second.mutable_data()[3] = std::byte{0xff};
  CHECK(file.at("c").as<float>().at(0) == 0);
  CHECK(b.at(0, 0) == 0);
}

TEST_CASE("a tensor that stands twice in a checkpoint is read under both names") {
  const std::string once = tensor(storage("0", 2), 0, integer(2), integer(1)) + "q\x07"s;
  const TensorFile file = parse(legacy_file("}(" + text("a") + once + text("b") + "h\x07" + "u", {1, 2}));
  CHECK(file.at("a").as<float>().at(1) == 2);
  CHECK(file.at("b").as<float>().at(1) == 2);
}

TEST_CASE("an OrderedDict as Python 2 wrote it is read") {
  const std::string value = tensor(storage("0", 1), 0, integer(1), integer(1));
  const std::string pair = "(" + text("w") + value + "t";
  const TensorFile file = parse(legacy_file("ccollections\nOrderedDict\n](" + pair + "e\x85R", {7}));
  CHECK(file.at("w").as<float>().item() == 7);
}

TEST_CASE("names that collide once they are joined are refused") {
  const std::string t = tensor(storage("0", 1), 0, integer(1), integer(1));
  CHECK_THROWS_WITH(parse(legacy_file("}(" + text("a/b") + t + text("a") + "}" + text("b") + t + "su", {1})),
                    Catch::Contains("a/b: two tensors have this name"));
  CHECK_THROWS_WITH(parse(legacy_file("}(" + text("w") + t + text("w") + t + "u", {1})),
                    Catch::Contains("two tensors"));
}

TEST_CASE("a small pickle that unfolds to a large tree is refused") {
  std::string tree = "](";  // level n + 1 is a tuple of ten times level n, and the outer list holds all levels
  tree += "Kxq\x00"s;
  for (char level = 0; level < 40; ++level) {
    tree += '(';
    for (int i = 0; i < 10; ++i) tree += std::string("h") + level;
    tree += std::string("tq") + static_cast<char>(level + 1);
  }
  CHECK_THROWS_WITH(parse(legacy_file(tree + "e")), Catch::Contains("too many times"));
  const std::string wide = "}" + text(std::string(1 << 20, 'k')) + "](" + std::string(100000, 'N') + "es";
  CHECK_THROWS_WITH(parse(legacy_file(wide)), Catch::Contains("too many times"));
}

TEST_CASE("a long value that is named again and again is not copied without limit") {
  std::string strings = "](" + text(std::string(1 << 20, 's')) + "q\x01";
  for (int i = 0; i < 20000; ++i) strings += "h\x01";
  CHECK_THROWS_WITH(parse(legacy_file(strings + "e")), Catch::Contains("too many times"));

  std::string dicts = "](ccollections\nOrderedDict\nq\x01](" + text("k") + "N\x86q\x02";
  for (int i = 0; i < 100000; ++i) dicts += "h\x02";
  dicts += "e\x85q\x03";
  for (int i = 0; i < 1000; ++i) dicts += "h\x01h\x03R";
  CHECK_THROWS_WITH(parse(legacy_file(dicts + "e")), Catch::Contains("values in all"));

  std::string ones;
  for (int i = 0; i < 65; ++i) ones += "K\x01";
  CHECK_THROWS_WITH(parse(legacy_file(tensor(storage("0", 1), 0, ones, ones), {1})), Catch::Contains("65 dimensions"));
  CHECK_THROWS_WITH(parse(legacy_file(storage(std::string(300, '0'), 1), {1})), Catch::Contains("key of 300 bytes"));
}

TEST_CASE("copies that the file's size does not justify are refused") {
  // Each of 200 views repeats one value to 4 MB.
  std::string dict = "}(";
  for (int i = 0; i < 200; ++i)
    dict += text(std::to_string(i)) + tensor(storage("0", 1), 0, integer(1 << 20), integer(0));
  CHECK_THROWS_WITH(parse(legacy_file(dict + "u", {1})), Catch::Contains("too many for a file of this size"));
}

TEST_CASE("every prefix of a file is refused") {
  for (const char* name : {"ok-module-zip.pth", "ok-views-legacy.pth"}) {
    const auto whole = read_bytes(source_file(std::string("tests/data/reference/files/pth/") + name));
    for (std::size_t n = 0; n < whole.size(); ++n)
      REQUIRE_THROWS_AS(parse_pth(std::as_bytes(std::span(whole)).first(n), "cut"), Error);
  }
}

TEST_CASE("a byte that changed in a zip file is noticed or harmless, and never crashes") {
  const auto whole = read_bytes(source_file("tests/data/reference/files/pth/ok-handmade-deflate.pth"));
  const auto expected = contents(parse_pth(std::as_bytes(std::span(whole)), "whole"));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto changed = whole;
    changed[i] = static_cast<std::uint8_t>(changed[i] ^ 0x10);
    const Answer a = ask([&] { return parse_pth(std::as_bytes(std::span(changed)), "changed"); });
    if (a.file) REQUIRE(contents(*a.file) == expected);
  }
}

}  // namespace fovea::test
