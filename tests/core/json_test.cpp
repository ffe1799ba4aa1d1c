#include <fovea/core/json.h>

#include <bit>
#include <cmath>
#include <limits>

#include <support/catch.h>
#include <support/support.h>

namespace fovea::test {
namespace {

std::uint64_t error_offset(std::string_view text) {
  try {
    Json::parse(text);
  } catch (const Error& e) {
    CHECK(e.code() == Code::bad_data);
    return e.status().offset;
  }
  FAIL("accepted: " << text);
  return 0;
}

std::string nested(int levels) {
  return std::string(static_cast<std::size_t>(levels), '[') + std::string(static_cast<std::size_t>(levels), ']');
}

}  // namespace

TEST_CASE("values of every kind are read") {
  const Json j = Json::parse(" {\"a\" : [1, -2.5e-1, true, false, null, \"x\"],\r\n\t\"b\": {}, \"\": []} ");
  const Json::Array& a = j.at("a").as_array();
  CHECK(a.size() == 6);
  CHECK(a[0].as_int() == 1);
  CHECK(a[0].as_double() == 1.0);
  CHECK(a[1].as_double() == -0.25);
  CHECK(a[2].as_bool());
  CHECK_FALSE(a[3].as_bool());
  CHECK(a[4].is_null());
  CHECK(a[5].as_string() == "x");
  CHECK(j.at("b").items().empty());
  CHECK(j.at("").as_array().empty());
  CHECK(j.find("c") == nullptr);
  CHECK(j.items()[2].first.empty());
  CHECK(j.dump() == R"({"a":[1,-0.25,true,false,null,"x"],"b":{},"":[]})");
}

TEST_CASE("a text that breaks the grammar is refused where it does") {
  CHECK(error_offset("") == 0);
  CHECK(error_offset("  ") == 2);
  CHECK(error_offset("nul") == 0);
  CHECK(error_offset("[1,]") == 3);
  CHECK(error_offset("[1 2]") == 3);
  CHECK(error_offset("{\"a\" 1}") == 5);
  CHECK(error_offset("{\"a\":1,}") == 7);
  CHECK(error_offset("{a:1}") == 1);
  CHECK(error_offset("{\"a\":1") == 6);
  CHECK(error_offset("1 1") == 2);
  CHECK(error_offset("'a'") == 0);
  CHECK(error_offset("\"a") == 2);
  CHECK(error_offset("\"\n\"") == 1);
  CHECK(error_offset("\"\\x\"") == 1);
  CHECK(error_offset("\"\\u12g4\"") == 1);
  CHECK(error_offset("\"\\u12") == 1);
  CHECK(error_offset("// x\n1") == 0);
  CHECK(error_offset("\xef\xbb\xbf"
                     "1") == 0);
  CHECK(error_offset(std::string_view("1\0", 2)) == 1);
  CHECK(error_offset("[NaN]") == 1);
  CHECK(error_offset("a value") == 0);
  for (const char* number : {"01", "-", "+1", "1.", ".5", "1e", "1e+", "0x10", "-01", "1e999", "Infinity"})
    CHECK_THROWS_AS(Json::parse(number), Error);
}

TEST_CASE("strings are UTF-8: escapes are joined, bad bytes refused") {
  CHECK(Json::parse(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u4e2d\ud83d\ude00")").as_string() ==
        "\"\\/\b\f\n\r\tA\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80");
  CHECK(Json::parse("\"\\u0000\"").as_string() == std::string(1, '\0'));
  for (const char* bad :
       {R"("\ud83d")", R"("\ude00")", R"("\ud83dx")", R"("\ud83d\u0041")", "\"\xc0\x80\"", "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"", "\"\xe0\x80\x80\"", "\"\xf0\x80\x80\x80\"", "\"\x80\"", "\"\xe4\xb8\"", "\"\xff\""})
    CHECK_THROWS_AS(Json::parse(bad), Error);
  CHECK(invalid_utf8("ab\xf4\x8f\xbf\xbf") == std::string_view::npos);
  CHECK(invalid_utf8("ab\xc3") == 2);
}

TEST_CASE("integers of 64 bits stay exact, larger numbers become doubles") {
  CHECK(Json::parse("9223372036854775807").as_int() == std::numeric_limits<std::int64_t>::max());
  CHECK(Json::parse("-9223372036854775808").as_int() == std::numeric_limits<std::int64_t>::min());
  CHECK_FALSE(Json::parse("9223372036854775808").is_int());
  CHECK(Json::parse("9223372036854775808").as_double() == 0x1p63);
  CHECK_FALSE(Json::parse("1.0").is_int());
  CHECK_FALSE(Json::parse("1e2").is_int());
  CHECK(std::signbit(Json::parse("-0").as_double()));
}

TEST_CASE("numbers are written in a form that reads back equal and of the same kind") {
  Random random(seed());
  INFO("seed " << seed());
  for (int i = 0; i < 20000; ++i) {
    const auto d = std::bit_cast<double>(random.next());
    if (!std::isfinite(d)) continue;
    const Json back = Json::parse(Json(d).dump());
    REQUIRE_FALSE(back.is_int());
    REQUIRE(std::bit_cast<std::uint64_t>(back.as_double()) == std::bit_cast<std::uint64_t>(d));
    const auto n = static_cast<std::int64_t>(random.next());
    REQUIRE(Json::parse(Json(n).dump()).as_int() == n);
  }
  CHECK(Json(1.0).dump() == "1.0");
  CHECK(Json(0.1).dump() == "0.1");
  CHECK(Json(-0.0).dump() == "-0.0");
}

TEST_CASE("what JSON cannot hold is not written") {
  CHECK_THROWS_AS(Json(std::nan("")).dump(), Error);
  CHECK_THROWS_AS(Json(HUGE_VAL).dump(), Error);
  CHECK_THROWS_AS(Json("\xff").dump(), Error);
  CHECK(Json(std::string("\x01\x1f\"\\\x7f")).dump() == "\"\\u0001\\u001f\\\"\\\\\x7f\"");
}

TEST_CASE("nesting stops at 64 levels") {
  CHECK(Json::parse(nested(64)).is_array());
  CHECK(Json::parse(nested(65)).is_array());
  CHECK(error_offset(nested(66)) == 65);
  CHECK_THROWS_AS(Json::parse(std::string(1000000, '[')), Error);
}

TEST_CASE("a text of very many values is refused before they take memory") {
  std::string text = "[0";
  for (int i = 0; i < 9000000; ++i) text += ",0";
  CHECK_THROWS_WITH(Json::parse(text + "]"), Catch::Contains("more than 8388608 values"));
}

TEST_CASE("a member name that stands twice is refused where it comes again, in time linear in the text") {
  CHECK(error_offset(R"({"a":1,"b":2,"a":3})") == 13);
  CHECK(error_offset(R"({"a":1,"\u0061":3})") == 7);
  std::string text = "{\"k\":0";
  for (int i = 0; i < 200000; ++i) text += ",\"" + std::to_string(i) + "\":0";
  CHECK(Json::parse(text + "}").items().size() == 200001);
}

TEST_CASE("errors name the file, the field and the place in the file") {
  try {
    Json::parse("[1,]", {.file = "net.safetensors", .field = "header", .offset = 8});
    FAIL("accepted");
  } catch (const Error& e) {
    CHECK(e.what() == std::string("net.safetensors: header at byte 11: a value is wanted: object, array, string, "
                                  "number, true, false or null"));
    CHECK(e.status().offset == 11);
  }
  const Json j = Json::parse(R"({"a":"x","b":1.5})");
  CHECK_THROWS_WITH(j.at("a").as_int("fovea.model"), "fovea.model: an integer of 64 bits is wanted, found a string");
  CHECK_THROWS_WITH(j.at("b").as_int(), Catch::Contains("found a number"));
  CHECK_THROWS_WITH(j.at("c"), Catch::Contains("no member \"c\""));
  CHECK_THROWS_WITH(j.as_array(), Catch::Contains("found an object"));
}

TEST_CASE("a document is built member by member") {
  Json j;
  j["name"] = "resnet50";
  j["options"]["eps"] = 1e-5;
  j["list"].push_back(1);
  j["list"].push_back(nullptr);
  j["name"] = "resnet18";
  CHECK(j.dump() == R"({"name":"resnet18","options":{"eps":1e-05},"list":[1,null]})");
  CHECK(Json::parse(j.dump()) == j);
  CHECK_THROWS_AS(j["name"]["below"], Error);
}

}  // namespace fovea::test
