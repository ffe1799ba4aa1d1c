#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <fovea/core/random.h>
#include <support/catch.h>
#include <support/support.h>

using namespace fovea;
using namespace fovea::test;
using nlohmann::json;

namespace {
std::uint32_t word_of(const json& text) {
  return static_cast<std::uint32_t>(std::stoull(text.get<std::string>(), nullptr, 16));
}
template <std::size_t N>
std::array<std::uint32_t, N> words_of(const json& list) {
  REQUIRE(list.size() == N);
  std::array<std::uint32_t, N> words{};
  std::transform(list.begin(), list.end(), words.begin(), word_of);
  return words;
}
std::vector<std::uint32_t> all_words(const json& list) {
  std::vector<std::uint32_t> words(list.size());
  std::transform(list.begin(), list.end(), words.begin(), word_of);
  return words;
}
std::string text_of(const PhiloxBlock& b) {
  char text[40];
  std::snprintf(text, sizeof text, "%08x %08x %08x %08x", b[0], b[1], b[2], b[3]);
  return text;
}
PhiloxBlock philox(int rounds, const PhiloxCounter& counter, const PhiloxKey& key) {
  if (rounds == 7) return philox4x32<7>(counter, key);
  REQUIRE(rounds == 10);
  return philox4x32(counter, key);
}
void increment(PhiloxCounter& counter) {  // as a 128-bit number, word 0 least significant
  for (std::uint32_t& word : counter)
    if (++word != 0) return;
}

void check_known_answer(const json& c) {
  const PhiloxBlock out = philox(c.at("attrs").at("rounds"), words_of<4>(c.at("ctr")), words_of<2>(c.at("key")));
  CHECK(out == words_of<4>(c.at("out")));
}

void check_sequence(const json& c) {
  const json& attrs = c.at("attrs");
  PhiloxCounter counter = words_of<4>(attrs.at("counter0"));
  for (const json& out : c.at("out")) {
    CHECK(text_of(philox(attrs.at("rounds"), counter, words_of<2>(attrs.at("key")))) == out.get<std::string>());
    increment(counter);
  }
}

void check_checksum(const json& c) {
  const json& attrs = c.at("attrs");
  const PhiloxKey key = words_of<2>(attrs.at("key"));
  const Philox random(key[0] | std::uint64_t{key[1]} << 32);
  std::uint64_t sum = 0;
  std::vector<int> histogram(16);
  for (std::uint64_t i = 0; i < attrs.at("blocks").get<std::uint64_t>(); ++i)
    for (const std::uint32_t word : random.block(i)) {
      sum = (sum * 0x01000193u) ^ word;
      ++histogram[word >> 28];
    }
  CHECK(sum == std::stoull(c.at("acc").get<std::string>(), nullptr, 16));
  CHECK(histogram == c.at("histogram").get<std::vector<int>>());
}

void check_box_muller(const json& c) {
  const Philox random(42);
  for (std::uint64_t i = 0; i < c.at("out").size(); ++i) {
    const auto want = c.at("out")[i].get<std::vector<double>>();
    const PhiloxBlock b = random.block(i);
    const auto [first, second] = normals_from(b[0], b[1]);
    CHECK(std::abs(first - want[0]) <= 1e-14);
    CHECK(std::abs(second - want[1]) <= 1e-14);
    CHECK(random.normal(4 * i) == first);
    CHECK(random.normal(4 * i + 1) == second);
  }
}

void check_conversion(const json& c) {
  const std::string name = c.at("name");
  if (name == "box-muller") return check_box_muller(c);
  const std::vector<std::uint32_t> words = all_words(c.at("words"));
  if (name == "uniform-float32") {
    REQUIRE(c.at("out").size() == words.size());
    for (std::size_t i = 0; i < words.size(); ++i) CHECK(uniform_from(words[i]) == c.at("out")[i].get<float>());
  } else if (name == "uniform-float64") {
    REQUIRE(c.at("out").size() == words.size() / 2);
    for (std::size_t i = 0; i + 1 < words.size(); i += 2)
      CHECK(uniform_from(words[i], words[i + 1]) == c.at("out")[i / 2].get<double>());
  } else {
    REQUIRE(name == "bounded-multiply-shift");
    for (const json& row : c.at("rows")) {
      REQUIRE(row[1].size() == words.size());
      for (std::size_t i = 0; i < words.size(); ++i)
        CHECK(below_from(words[i], row[0].get<std::uint32_t>()) == row[1][i].get<std::uint32_t>());
    }
  }
}

void check_file(const std::filesystem::path& path) {
  const json file = json::parse(read_text(path));
  REQUIRE(file.at("cases").size() > 0);
  for (const json& c : file.at("cases")) {
    INFO("case " << c.at("name"));
    const std::string op = c.at("op");
    if (op == "philox4x32")
      check_known_answer(c);
    else if (op == "philox4x32-sequence")
      check_sequence(c);
    else if (op == "philox4x32-checksum")
      check_checksum(c);
    else if (op == "conversion")
      check_conversion(c);
    else
      FAIL("unknown op " << op);
  }
}
}  // namespace

TEST_CASE("Philox gives the known answers that the repository holds") {
  check_file(source_file("tests/data/reference/random.json"));
}

TEST_CASE("Philox gives the known answers of the data folder") {
  if (!needs("data")) return;
  check_file(shared_data("reference/random.json"));
}

TEST_CASE("Philox addresses elements by seed, stream and index") {
  const Philox random(0x1234567812345678u, 0xfedcba9876543210u);
  const std::uint64_t index = 0x0123456789abcdefu;
  CHECK(random.block(index) ==
        philox4x32({0x89abcdefu, 0x01234567u, 0x76543210u, 0xfedcba98u}, {0x12345678u, 0x12345678u}));
  for (std::uint64_t i = 0; i < 16; ++i) {
    const PhiloxBlock b = random.block(i / 4);
    CHECK(random.word(i) == b[i % 4]);
    CHECK(random.uniform(i) == uniform_from(b[i % 4]));
    CHECK(random.below(i, 1000) == below_from(b[i % 4], 1000));
    const std::size_t pair = i % 4 / 2 * 2;
    const auto normals = normals_from(b[pair], b[pair + 1]);
    CHECK(random.normal(i) == (i % 2 == 0 ? normals[0] : normals[1]));
    const PhiloxBlock d = random.block(i / 2);
    CHECK(random.uniform_double(i) == uniform_from(d[i % 2 * 2], d[i % 2 * 2 + 1]));
  }
  CHECK(Philox(1, 0).block(0) != Philox(1, 1).block(0));
  CHECK(Philox(1, 0).block(0) != Philox(2, 0).block(0));
  static_assert(Philox(0).block(0)[0] == 0x6627e8d5u);  // usable in constant expressions
}

TEST_CASE("uniform and normal numbers have the moments of their distribution") {
  // 2^16 elements: the standard error of a mean is s / 256; five of them bound the deviation of a fixed seed.
  const Philox random(seed());
  constexpr int n = 1 << 16;
  double sum_u = 0, sum_n = 0, square_n = 0, fourth_n = 0, cross = 0, previous = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    const float u = random.uniform(i);
    REQUIRE(u >= 0);
    REQUIRE(u < 1);
    const double z = random.normal(i);
    REQUIRE(std::abs(z) < 5.78);
    sum_u += u, sum_n += z, square_n += z * z, fourth_n += z * z * z * z, cross += z * previous;
    previous = z;
  }
  INFO("seed " << seed());
  CHECK(std::abs(sum_u / n - 0.5) < 5 * 0.2887 / 256);
  CHECK(std::abs(sum_n / n) < 5.0 / 256);
  CHECK(std::abs(square_n / n - 1) < 5 * 1.4142 / 256);
  CHECK(std::abs(fourth_n / n - 3) < 5 * 9.798 / 256);
  CHECK(std::abs(cross / n) < 5.0 / 256);
}

TEST_CASE("the ends of the ranges are right") {
  CHECK(uniform_from(0xffffffffu) == 0x1.fffffep-1f);
  CHECK(uniform_from(0xffffffffu, 0xffffffffu) == 0x1.fffffffffffffp-1);
  CHECK(std::abs(normals_from(0, 0)[0] - std::sqrt(48 * std::log(2.0))) <= 2e-15);  // the largest, finite
  CHECK(normals_from(0xffffffffu, 0)[0] == 0);
  CHECK(below_from(0xffffffffu, 0xffffffffu) == 0xfffffffeu);
  CHECK_THROWS_WITH(Philox(1).below(0, 0), "random: an integer below 0 was asked for, the bound must be at least 1");
}
