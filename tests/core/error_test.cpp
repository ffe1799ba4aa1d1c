#include <cstdint>
#include <cstring>
#include <string>

#include <fovea/core/error.h>
#include <support/catch.h>

using namespace fovea;

namespace {
template <class F>
Error caught(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e;
  }
  FAIL("no Error was thrown");
  return Error(Code::ok, "");
}
}  // namespace

TEST_CASE("control characters out of a file do not reach the message") {
  const Error e(Code::bad_data, std::string("key \0\x1b[2J\x7f\tend\n", 15));
  CHECK(std::string(e.what()) == "key ??[2J?\tend\n");
}

TEST_CASE("fail prints its parts one after the other") {
  const Error e = caught([] { fail("conv2d: input has ", 32, " channels, weight wants ", 64.5, " or '", 'x', "'"); });
  CHECK(std::string(e.what()) == "conv2d: input has 32 channels, weight wants 64.5 or 'x'");
  CHECK(e.code() == Code::invalid_argument);
  CHECK(std::string(e.status().message) == e.what());
  CHECK(std::string(e.status().field).empty());
  CHECK(e.status().offset == Status::kNoOffset);
  CHECK_FALSE(e.status().ok());
  CHECK(Status{}.ok());
}

TEST_CASE("one-byte integers print as numbers") {
  CHECK(to_text(std::uint8_t{7}, ' ', std::int8_t{-3}, ' ', 'c') == "7 -3 c");
  CHECK(std::string(caught([] { fail_data({}, "marker ", std::uint8_t{255}); }).what()) == "marker 255");
}

TEST_CASE("fail_data says file, field and offset, as far as they are known") {
  const auto message = [](const Where& where) {
    const Error e = caught([&] { fail_data(where, "end ", 12, " is past the file's 10 bytes"); });
    CHECK(e.code() == Code::bad_data);
    CHECK(e.status().offset == where.offset);
    CHECK(std::string(e.status().field) == where.field);
    return std::string(e.what());
  };
  const std::string what = "end 12 is past the file's 10 bytes";
  CHECK(message({}) == what);
  CHECK(message({.file = "a.pth"}) == "a.pth: " + what);
  CHECK(message({.file = "a.pth", .field = "data_offsets"}) == "a.pth: data_offsets: " + what);
  CHECK(message({.file = "a.pth", .field = "IHDR", .offset = 16}) == "a.pth: IHDR at byte 16: " + what);
  CHECK(message({.file = "a.pth", .offset = 0}) == "a.pth: at byte 0: " + what);
  CHECK(message({.field = "IHDR"}) == "IHDR: " + what);
  CHECK(message({.offset = 3}) == "at byte 3: " + what);
}

TEST_CASE("a status cuts what does not fit, the exception keeps it") {
  const std::string field(100, 'f'), text(1000, 'm');
  const Error e(Code::io, text, field, 5);
  CHECK(e.what() == text);
  CHECK(std::string(e.status().message) == std::string(255, 'm'));
  CHECK(std::string(e.status().field) == std::string(63, 'f'));
  CHECK(e.status().offset == 5);
  CHECK(e.code() == Code::io);
  const Error exact(Code::io, std::string(255, 'a'), std::string(63, 'b'));
  CHECK(std::strlen(exact.status().message) == 255);
  CHECK(std::strlen(exact.status().field) == 63);
}

TEST_CASE("fail_as chooses the code") {
  CHECK(caught([] { fail_as(Code::not_found, "no file"); }).code() == Code::not_found);
}
