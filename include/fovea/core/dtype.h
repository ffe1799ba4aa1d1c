// Element types: bf16 and half in software, the DType tags of files, and the types that follow from one: acc_t for
// sums, master_t for parameters.
// Layer core. Conversions round to nearest, ties to even; NaN stays NaN, subnormals are kept.
#pragma once

#include <bit>
#include <cstdint>
#include <ostream>
#include <string_view>
#include <type_traits>

#include <fovea/core/error.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {
// float -> bfloat16: drop 16 bits, rounding to nearest even. NaN keeps its sign and top payload bits and becomes quiet.
constexpr std::uint16_t bf16_bits(float value) {
  const auto u = std::bit_cast<std::uint32_t>(value);
  if ((u & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((u >> 16) | 0x0040u);
  return static_cast<std::uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}
constexpr float bf16_value(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

// double -> float with the result rounded to odd: if inexact, the last bit is set. A second rounding to a type with at
// least two bits fewer (bf16, half) is then the correct single rounding (Boldo and Melquiond 2008).
constexpr float round_to_odd(double value) {
  const float f = static_cast<float>(value);
  const double back = f;
  if (back == value || value != value) return f;
  auto u = std::bit_cast<std::uint32_t>(f);
  if ((u & 0x7f800000u) == 0x7f800000u) return f;  // above float's range: infinity in bf16 and half as well
  const bool too_large = value > 0 ? back > value : back < value;
  if (too_large) --u;  // magnitude truncated
  return std::bit_cast<float>(u | 1u);
}

// Integer -> double, rounded to odd likewise: a double holds 53 of 64 bits.
template <class I>
constexpr double round_integer_to_odd(I value) {
  const bool negative = value < I{0};
  auto u = static_cast<std::uint64_t>(value);
  if (negative) u = 0 - u;
  if (u >> 53 != 0) u = (u & ~std::uint64_t{0x7ff}) | (u & 0x7ff ? std::uint64_t{0x800} : 0);
  return negative ? -static_cast<double>(u) : static_cast<double>(u);
}

// float -> IEEE binary16.
constexpr std::uint16_t half_bits(float value) {
  const auto u = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (u >> 16) & 0x8000u, a = u & 0x7fffffffu;
  if (a > 0x7f800000u) return static_cast<std::uint16_t>(sign | 0x7e00u | ((a >> 13) & 0x3ffu));
  if (a >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);  // >= 65520 rounds to infinity
  if (a >= 0x38800000u)                                                     // normal: rebias the exponent, round
    return static_cast<std::uint16_t>(sign | ((a - 0x38000000u + 0xfffu + ((a >> 13) & 1u)) >> 13));
  if (a < 0x33000000u) return static_cast<std::uint16_t>(sign);  // below half of the smallest subnormal
  const std::uint32_t shift = 126u - (a >> 23), m = (a & 0x7fffffu) | 0x800000u;  // subnormal: units of 2^-24
  const std::uint32_t q = m >> shift, rest = m & ((1u << shift) - 1u), tie = 1u << (shift - 1u);
  return static_cast<std::uint16_t>(sign | (q + (rest > tie || (rest == tie && (q & 1u)) ? 1u : 0u)));
}
constexpr float half_value(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16, e = (bits >> 10) & 31u, m = bits & 0x3ffu;
  if (e == 31) return std::bit_cast<float>(sign | 0x7f800000u | (m << 13));
  if (e != 0) return std::bit_cast<float>(sign | ((e + 112u) << 23) | (m << 13));
  const float magnitude = static_cast<float>(m) * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}
}  // namespace detail

// bfloat16: the top half of a float. A storage type; arithmetic happens in float.
struct bf16 {
  std::uint16_t bits = 0;
  constexpr bf16() = default;
  constexpr explicit bf16(float v) : bits(detail::bf16_bits(v)) {}
  constexpr explicit bf16(double v) : bits(detail::bf16_bits(detail::round_to_odd(v))) {}
  template <class I>
    requires std::is_integral_v<I>
  constexpr explicit bf16(I v) : bf16(detail::round_integer_to_odd(v)) {}
  constexpr operator float() const { return detail::bf16_value(bits); }
};

// IEEE binary16. A storage type; arithmetic happens in float.
struct half {
  std::uint16_t bits = 0;
  constexpr half() = default;
  constexpr explicit half(float v) : bits(detail::half_bits(v)) {}
  constexpr explicit half(double v) : bits(detail::half_bits(detail::round_to_odd(v))) {}
  template <class I>
    requires std::is_integral_v<I>
  constexpr explicit half(I v) : half(detail::round_integer_to_odd(v)) {}
  constexpr operator float() const { return detail::half_value(bits); }
};

enum class DType : std::uint8_t { f32, f64, bf16, f16, i8, u8, i16, i32, i64, boolean };

inline constexpr int kDTypes = 10;

constexpr std::size_t size_of(DType t) {
  constexpr std::size_t bytes[kDTypes] = {4, 8, 2, 2, 1, 1, 2, 4, 8, 1};
  return bytes[static_cast<std::size_t>(t)];
}
constexpr std::string_view name_of(DType t) {
  constexpr std::string_view names[kDTypes] = {"float32", "float64", "bfloat16", "float16", "int8",
                                               "uint8",   "int16",   "int32",    "int64",   "bool"};
  return names[static_cast<std::size_t>(t)];
}
inline std::ostream& operator<<(std::ostream& out, DType t) { return out << name_of(t); }

// The tag of an element type. bool is stored as a byte of its own and has no Tensor<bool>: see AnyTensor.
template <class T>
struct DTypeOf;
template <> struct DTypeOf<float> { static constexpr DType value = DType::f32; };
template <> struct DTypeOf<double> { static constexpr DType value = DType::f64; };
template <> struct DTypeOf<bf16> { static constexpr DType value = DType::bf16; };
template <> struct DTypeOf<half> { static constexpr DType value = DType::f16; };
template <> struct DTypeOf<std::int8_t> { static constexpr DType value = DType::i8; };
template <> struct DTypeOf<std::uint8_t> { static constexpr DType value = DType::u8; };
template <> struct DTypeOf<std::int16_t> { static constexpr DType value = DType::i16; };
template <> struct DTypeOf<std::int32_t> { static constexpr DType value = DType::i32; };
template <> struct DTypeOf<std::int64_t> { static constexpr DType value = DType::i64; };
template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

template <class T>
concept Element = requires { DTypeOf<T>::value; };
template <class T>
inline constexpr bool is_floating = std::is_floating_point_v<T> || std::is_same_v<T, bf16> || std::is_same_v<T, half>;

// The accumulator of a reference kernel over T.
template <class T>
using acc_t = std::conditional_t<is_floating<T>, double,
                                 std::conditional_t<std::is_same_v<T, std::int64_t>, std::int64_t, std::int32_t>>;

// The type of a parameter whose activations are T.
template <class T>
using master_t = std::conditional_t<std::is_same_v<T, bf16> || std::is_same_v<T, half>, float, T>;

}  // namespace fovea::inline FOVEA_ABI
