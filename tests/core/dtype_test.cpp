#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <sstream>
#include <vector>

#include <fovea/core/dtype.h>
#include <support/catch.h>
#include <support/support.h>

using namespace fovea;
using namespace fovea::test;

namespace {
// A 16-bit floating type, described for the oracle.
struct Format {
  int exponent_bits, mantissa_bits;
  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  std::uint16_t infinity() const { return static_cast<std::uint16_t>(((1 << exponent_bits) - 1) << mantissa_bits); }
};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr Format kHalf{5, 10}, kBf16{8, 7};

// The value of the bits, by the definition of the format; an infinity counts as the next power of two, which is what
// rounding compares with.
double oracle_value(Format f, std::uint16_t bits) {
  const int e = (bits & 0x7fff) >> f.mantissa_bits, m = bits & ((1 << f.mantissa_bits) - 1);
  const double magnitude = e == 0 ? std::ldexp(m, 1 - f.bias() - f.mantissa_bits)
                                  : std::ldexp(m + (1 << f.mantissa_bits), e - f.bias() - f.mantissa_bits);
  return bits & 0x8000 ? -magnitude : magnitude;
}
// Round to nearest even by search: the two neighbours in the ordered list of all positive values, no bit tricks.
std::uint16_t oracle_round(Format f, double v) {
  const std::uint16_t sign = std::signbit(v) ? 0x8000 : 0;
  const double a = std::abs(v);
  std::uint16_t low = 0, high = f.infinity();  // value(low) <= a, and a < value(high) unless a overflows
  if (a >= oracle_value(f, high)) return static_cast<std::uint16_t>(sign | high);
  while (high - low > 1) {
    const auto middle = static_cast<std::uint16_t>((low + high) / 2);
    (oracle_value(f, middle) <= a ? low : high) = middle;
  }
  const double to_low = a - oracle_value(f, low), to_high = oracle_value(f, high) - a;  // exact: neighbours, 53 bits
  const std::uint16_t even = low % 2 == 0 ? low : high;
  return static_cast<std::uint16_t>(sign | (to_low < to_high ? low : to_high < to_low ? high : even));
}

template <class T>
T from_bits(int bits) {
  T t;
  t.bits = static_cast<std::uint16_t>(bits);
  return t;
}

template <class T>
void check_round_trip(Format f) {
  int wrong = 0;
  for (int bits = 0; bits < 65536; ++bits) {
    const T t = from_bits<T>(bits);
    const float v = t;
    const bool nan = (bits & 0x7fff) > f.infinity();
    if (nan) {
      // NaN stays NaN with its sign and payload; a signalling one becomes quiet when it is narrowed.
      const int quiet = bits | 1 << (f.mantissa_bits - 1);
      if (!std::isnan(v) || T(v).bits != quiet || std::signbit(v) != ((bits >> 15) != 0)) ++wrong;
      continue;
    }
    if ((bits & 0x7fff) == f.infinity()) {
      if (!std::isinf(v) || std::signbit(v) != ((bits >> 15) != 0)) ++wrong;
    } else if (static_cast<double>(v) != oracle_value(f, t.bits) || std::signbit(v) != ((bits >> 15) != 0)) {
      ++wrong;
    }
    if (T(v).bits != bits || T(static_cast<double>(v)).bits != bits) ++wrong;
  }
  CHECK(wrong == 0);
}

// float -> T at v against the oracle.
template <class T>
bool float_agrees(Format f, float v) {
  return T(v).bits == oracle_round(f, v);
}

// Around every value and every midpoint to the next: the floats there, and the doubles next to them.
template <class T>
void check_rounding(Format f) {
  int wrong_float = 0, wrong_double = 0;
  const auto check_float = [&](float v) {
    for (const float x : {v, std::nextafter(v, kInfinity), std::nextafter(v, -kInfinity)})
      if (!std::isinf(x) && !float_agrees<T>(f, x)) ++wrong_float;
  };
  const auto check_double = [&](double v) {
    for (const double x : {v, std::nextafter(v, 1e300), std::nextafter(v, -1e300)})
      if (T(x).bits != oracle_round(f, x)) ++wrong_double;
  };
  for (int magnitude = 0; magnitude < f.infinity(); ++magnitude)
    for (const int sign : {0, 0x8000}) {
      const auto bits = static_cast<std::uint16_t>(sign | magnitude);
      const double v = oracle_value(f, bits), next = oracle_value(f, static_cast<std::uint16_t>(bits + 1));
      for (const double x : {v, (v + next) / 2, v + (next - v) / 4, v + (next - v) * 0.75}) {
        check_float(static_cast<float>(x));
        check_double(x);
      }
    }
  CHECK(wrong_float == 0);
  CHECK(wrong_double == 0);
}

template <class T>
void check_random(Format f) {
  Random random(seed());
  int wrong = 0;
  for (int i = 0; i < 200000; ++i) {
    const auto v = std::bit_cast<float>(static_cast<std::uint32_t>(random.next()));
    if (std::isfinite(v) && !float_agrees<T>(f, v)) ++wrong;
    const auto d = std::bit_cast<double>(random.next() % (std::uint64_t{0x50} << 52) + (std::uint64_t{0x3d0} << 52));
    if (T(d).bits != oracle_round(f, d) || T(-d).bits != oracle_round(f, -d)) ++wrong;
  }
  INFO("seed " << seed());
  CHECK(wrong == 0);
}
}  // namespace

TEST_CASE("every half value survives the way to float and back") { check_round_trip<half>(kHalf); }
TEST_CASE("every bf16 value survives the way to float and back") { check_round_trip<bf16>(kBf16); }
TEST_CASE("half rounds to nearest even around every value and midpoint") { check_rounding<half>(kHalf); }
TEST_CASE("bf16 rounds to nearest even around every value and midpoint") { check_rounding<bf16>(kBf16); }
TEST_CASE("half rounds random floats and doubles as the oracle does") { check_random<half>(kHalf); }
TEST_CASE("bf16 rounds random floats and doubles as the oracle does") { check_random<bf16>(kBf16); }

TEST_CASE("a double is rounded once, not by way of float") {
  // 1 + 2^-11 is the tie between 1 and the next half; a float cannot see the 2^-40 that decides.
  CHECK(half(1 + 0x1p-11).bits == 0x3c00);
  CHECK(half(1 + 0x1p-11 + 0x1p-40).bits == 0x3c01);
  CHECK(half(1 + 3 * 0x1p-11).bits == 0x3c02);
  CHECK(half(1 + 3 * 0x1p-11 - 0x1p-40).bits == 0x3c01);
  CHECK(bf16(1 + 0x1p-8).bits == 0x3f80);
  CHECK(bf16(1 + 0x1p-8 + 0x1p-40).bits == 0x3f81);
  CHECK(bf16(-(1 + 0x1p-8 + 0x1p-40)).bits == 0xbf81);
  CHECK(half(0x1p-25).bits == 0);  // half of the smallest subnormal: to even
  CHECK(half(0x1p-25 + 0x1p-70).bits == 1);
  CHECK(half(65520.0).bits == 0x7c00);
  CHECK(half(65520.0 - 0x1p-30).bits == 0x7bff);
}

TEST_CASE("doubles beyond float's range round as their size says") {
  const double most = 0x1.fep127;  // the largest bf16
  CHECK(bf16(most).bits == 0x7f7f);
  CHECK(bf16(0x1.ffp127).bits == 0x7f80);  // the tie to infinity
  CHECK(bf16(std::nextafter(0x1.ffp127, 0)).bits == 0x7f7f);
  CHECK(bf16(-std::nextafter(0x1.ffp127, 0)).bits == 0xff7f);
  CHECK(bf16(0x1.ffffffp127).bits == 0x7f80);  // rounds to infinity as a float, too
  CHECK(bf16(0x1p128).bits == 0x7f80);
  CHECK(bf16(3.45e38).bits == 0x7f80);
  CHECK(bf16(1e300).bits == 0x7f80);
  CHECK(bf16(-1e300).bits == 0xff80);
  CHECK(half(1e300).bits == 0x7c00);
  CHECK(bf16(1e-300).bits == 0);
  CHECK(bf16(-1e-300).bits == 0x8000);
  CHECK(half(-1e-300).bits == 0x8000);
  CHECK(bf16(0x1p-134).bits == 0);  // half of the smallest subnormal
  CHECK(bf16(0x1p-134 + 0x1p-180).bits == 1);
  CHECK(std::isnan(static_cast<float>(half(std::numeric_limits<double>::quiet_NaN()))));
  CHECK(std::isnan(static_cast<float>(bf16(std::numeric_limits<double>::quiet_NaN()))));
  CHECK(bf16(std::numeric_limits<double>::infinity()).bits == 0x7f80);
  CHECK(half(-std::numeric_limits<double>::infinity()).bits == 0xfc00);
}

TEST_CASE("integers are rounded once") {
  CHECK(half(2049).bits == half(2048.0f).bits);
  CHECK(half(2051).bits == half(2052.0f).bits);
  CHECK(half(-65520).bits == 0xfc00);
  CHECK(bf16(257).bits == bf16(256.0f).bits);
  CHECK(bf16((std::int64_t{1} << 40) + (std::int64_t{1} << 32) + 1).bits == bf16(0x1.02p40f).bits);
  // 2^62 + 2^54 is a tie between bf16 neighbours; the 1 below it is lost in a double, and must not be lost here.
  CHECK(bf16((std::int64_t{1} << 62) + (std::int64_t{1} << 54) + 1).bits == bf16(0x1.02p62f).bits);
  CHECK(bf16(-(std::int64_t{1} << 62) - (std::int64_t{1} << 54) - 1).bits == bf16(-0x1.02p62f).bits);
  CHECK(bf16((std::int64_t{1} << 62) + (std::int64_t{1} << 54)).bits == bf16(0x1p62f).bits);
  CHECK(bf16((std::uint64_t{1} << 63) + (std::uint64_t{1} << 55) + 1).bits == bf16(0x1.02p63f).bits);
}

TEST_CASE("conversions are constant expressions") {
  constexpr half a(1.5f);
  constexpr bf16 b(1.5);
  constexpr float c = half(-2);
  CHECK(a.bits == 0x3e00);
  CHECK(b.bits == 0x3fc0);
  CHECK(c == -2.0f);
}

TEST_CASE("each element type has its tag, size and name") {
  CHECK(dtype_of<float> == DType::f32);
  CHECK(dtype_of<half> == DType::f16);
  CHECK(dtype_of<std::uint8_t> == DType::u8);
  const std::size_t sizes[kDTypes] = {sizeof(float), sizeof(double), sizeof(bf16), sizeof(half), 1, 1, 2, 4, 8, 1};
  std::ostringstream names;
  for (int i = 0; i < kDTypes; ++i) {
    CHECK(size_of(static_cast<DType>(i)) == sizes[i]);
    names << static_cast<DType>(i) << ' ';
  }
  CHECK(names.str() == "float32 float64 bfloat16 float16 int8 uint8 int16 int32 int64 bool ");
  static_assert(!Element<bool> && !Element<unsigned> && Element<bf16>);
  static_assert(std::is_same_v<acc_t<half>, double> && std::is_same_v<acc_t<std::int8_t>, std::int32_t>);
  static_assert(std::is_same_v<acc_t<std::int64_t>, std::int64_t>);
  static_assert(std::is_same_v<master_t<bf16>, float> && std::is_same_v<master_t<double>, double>);
}
