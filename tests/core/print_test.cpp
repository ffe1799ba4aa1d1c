#include <algorithm>
#include <iomanip>
#include <limits>
#include <sstream>

#include <fovea/core/print.h>
#include <support/catch.h>

using namespace fovea;

namespace {
template <class T>
std::string text(const Tensor<T>& t) {
  return to_text(t);
}
Tensor<int> counting(const Shape& shape) {
  Tensor<int> t(shape);
  int next = 0;
  for (int& v : t.mutable_values()) v = next++;
  return t;
}
}  // namespace

TEST_CASE("a tensor prints its type and shape, then its elements in columns") {
  CHECK(text(Tensor<float>({2, 3}, {1, 2, 3, -4.25f, 100.5f, 0})) ==
        "float32 2x3\n"
        "[[    1     2     3]\n"
        " [-4.25 100.5     0]]");
  CHECK(text(counting({2, 2, 3})) ==
        "int32 2x2x3\n"
        "[[[ 0  1  2]\n"
        "  [ 3  4  5]]\n"
        "\n"
        " [[ 6  7  8]\n"
        "  [ 9 10 11]]]");
  CHECK(text(Tensor<bf16>({2}, {bf16(1.5f), bf16(-2.0f)})) == "bfloat16 2\n[1.5  -2]");
  CHECK(text(Tensor<std::uint8_t>({3}, {0, 65, 255})) == "uint8 3\n[  0  65 255]");
  CHECK(text(Tensor<std::int64_t>({1}, {std::numeric_limits<std::int64_t>::min()})) ==
        "int64 1\n[-9223372036854775808]");
}

TEST_CASE("scalars, empty and undefined tensors print") {
  CHECK(text(Tensor<double>(Shape(), 2.5)) == "float64 scalar\n2.5");
  CHECK(text(Tensor<half>({0})) == "float16 0\n[]");
  CHECK(text(Tensor<half>({3, 0, 2})) == "float16 3x0x2\n[]");
  CHECK(text(Tensor<float>({0, std::int64_t{1} << 60})) == "float32 0x1152921504606846976\n[]");
  CHECK(text(Tensor<float>({std::int64_t{1} << 60, 0})) == "float32 1152921504606846976x0\n[]");
  CHECK(text(Tensor<float>()) == "undefined tensor");
}

TEST_CASE("numbers print with five digits, infinities and NaN by name") {
  constexpr float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(text(Tensor<float>({6}, {3.14159265f, 1e-7f, 1.5e30f, inf, -inf, -nan})) ==
        "float32 6\n[ 3.1416   1e-07 1.5e+30     inf    -inf     nan]");
  CHECK(text(Tensor<double>({1}, {std::numeric_limits<double>::lowest()})) == "float64 1\n[-1.7977e+308]");
}

TEST_CASE("long rows and large tensors are shortened") {
  CHECK(text(counting({24})).find("...") == std::string::npos);
  CHECK(text(counting({25})) == "int32 25\n[ 0  1  2 ... 22 23 24]");
  CHECK(text(counting({2, 100})) ==
        "int32 2x100\n"
        "[[  0   1   2 ...  97  98  99]\n"
        " [100 101 102 ... 197 198 199]]");
  CHECK(text(counting({1000, 2})) ==
        "int32 1000x2\n"
        "[[   0    1]\n"
        " [   2    3]\n"
        " [   4    5]\n"
        " ...\n"
        " [1994 1995]\n"
        " [1996 1997]\n"
        " [1998 1999]]");
}

TEST_CASE("at most 1,000 elements are printed, whatever the shape") {
  for (const Shape& s : {Shape{1001}, Shape{1 << 20}, Shape{500, 500}, Shape{6, 6, 6, 6}, Shape{8, 56, 56, 64},
                         Shape{6, 6, 6, 6, 6}, Shape{6, 6, 6, 6, 6, 6}, Shape{2, 2, 2, 2, 2, 64},
                         Shape{9, 9, 9, 9, 9, 9}, Shape{1, 1, 1, 1, 1, 1 << 20}, Shape{1 << 20, 1, 1, 1, 1, 1}}) {
    const std::string t = text(Tensor<std::int8_t>(s));
    INFO(s);
    const auto zeros = std::count(t.begin() + t.find('\n'), t.end(), '0');
    CHECK(zeros <= 1000);
    CHECK(zeros >= 6);
    CHECK(t.size() < 10000);
    CHECK(t.find("...") != std::string::npos);
  }
}

TEST_CASE("printing neither heeds nor changes the stream's format") {
  std::ostringstream out;
  out << std::hex << std::fixed << std::setprecision(1) << std::setfill('*') << Tensor<float>({2}, {10, 2.25f}) << ' '
      << 255 << ' ' << 0.25;
  CHECK(out.str() == "float32 2\n[  10 2.25] ff 0.2");
  CHECK(to_text(Tensor<int>({2}, {10, 255})) == "int32 2\n[ 10 255]");
}
