#include <cstdint>
#include <limits>
#include <vector>

#include <fovea/core/shape.h>
#include <support/catch.h>

using namespace fovea;

namespace {
constexpr std::int64_t kBig = std::int64_t{1} << 62;
std::string text(const Shape& s) { return to_text(s); }
}  // namespace

TEST_CASE("a shape knows its sizes") {
  const Shape s{8, 56, 48, 64};
  CHECK(s.rank() == 4);
  CHECK(s[0] == 8);
  CHECK(s[3] == 64);
  CHECK(s[-1] == 64);
  CHECK(s[-4] == 8);
  CHECK(s.numel() == 8 * 56 * 48 * 64);
  CHECK(text(s) == "8x56x48x64");
  CHECK(s == Shape{8, 56, 48, 64});
  CHECK_FALSE(s == Shape{8, 56, 48});
  CHECK_FALSE(s == Shape{8, 56, 48, 65});
  CHECK(std::vector<std::int64_t>(s.begin(), s.end()) == std::vector<std::int64_t>{8, 56, 48, 64});
  CHECK(s.with(1, 7) == Shape{8, 7, 48, 64});
  CHECK(s.with(-1, 0) == Shape{8, 56, 48, 0});
}

TEST_CASE("a scalar has rank 0 and one element") {
  CHECK(Shape().rank() == 0);
  CHECK(Shape().numel() == 1);
  CHECK(text(Shape()) == "scalar");
  CHECK_FALSE(Shape() == Shape{1});
}

TEST_CASE("sizes may be zero") {
  CHECK(Shape{0}.numel() == 0);
  CHECK(Shape{3, 0, 5}.numel() == 0);
  CHECK(text(Shape{3, 0, 5}) == "3x0x5");
  CHECK(Shape{0, kBig}.numel() == 0);
}

TEST_CASE("at most six dimensions are supported") {
  CHECK(Shape{1, 2, 3, 4, 5, 6}.numel() == 720);
  CHECK_THROWS_WITH((Shape{1, 1, 1, 1, 1, 1, 1}), "shape: 7 dimensions, at most 6 are supported");
  const std::vector<std::int64_t> many(1000, 1);
  CHECK_THROWS_WITH(Shape(std::span(many)), "shape: 1000 dimensions, at most 6 are supported");
}

TEST_CASE("a negative size is refused") {
  CHECK_THROWS_WITH((Shape{2, -1, 3}), "shape: size -1 of dimension 1 is negative");
  CHECK_THROWS_WITH((Shape{std::numeric_limits<std::int64_t>::min()}),
                    "shape: size -9223372036854775808 of dimension 0 is negative");
  CHECK_THROWS_WITH((Shape{2, 3}).with(0, -5), "shape: size -5 of dimension 0 is negative");
}

TEST_CASE("an element count beyond 2^62 is refused, also behind a zero") {
  CHECK(Shape{kBig}.numel() == kBig);
  CHECK(Shape{1 << 30, std::int64_t{1} << 32}.numel() == kBig);
  CHECK_THROWS_WITH((Shape{kBig + 1}), "shape: 4611686018427387905 has more than 2^62 elements");
  CHECK_THROWS_WITH((Shape{kBig, 2}), "shape: 4611686018427387904 * 2 overflows 64 bits");
  CHECK_THROWS_WITH((Shape{0, kBig, 4}), "shape: 4611686018427387904 * 4 overflows 64 bits");
  CHECK_THROWS_AS((Shape{kBig, 0, 4}), Error);
  CHECK_THROWS_AS((Shape{1 << 20, 1 << 20, 1 << 20, 1 << 20}), Error);
  CHECK_THROWS_AS((Shape{2, 2}).with(0, kBig), Error);
}

TEST_CASE("a dimension that is not there is an error") {
  const Shape s{2, 3};
  CHECK_THROWS_WITH(s[2], "shape: dimension 2 of a tensor with 2 dimensions");
  CHECK_THROWS_WITH(s[-3], "shape: dimension -3 of a tensor with 2 dimensions");
  CHECK_THROWS_WITH(Shape()[0], "shape: dimension 0 of a tensor with 0 dimensions");
  CHECK_THROWS_AS(s[std::numeric_limits<int>::min()], Error);
  CHECK_THROWS_AS(s[std::numeric_limits<int>::max()], Error);
  CHECK_THROWS_AS(s.with(2, 1), Error);
}

TEST_CASE("checked arithmetic names what overflowed") {
  CHECK(checked_mul(3, -4) == -12);
  CHECK(checked_add(3, -4) == -1);
  CHECK(checked_mul(kBig, -2) == std::numeric_limits<std::int64_t>::min());
  CHECK_THROWS_WITH(checked_mul(kBig, 2, "conv2d"), "conv2d: 4611686018427387904 * 2 overflows 64 bits");
  CHECK_THROWS_WITH(checked_add(kBig, kBig), "size: 4611686018427387904 + 4611686018427387904 overflows 64 bits");
}
