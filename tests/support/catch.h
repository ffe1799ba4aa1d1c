// Catch2 2.13 or 3, whichever the distribution has.
#pragma once

#if defined(FOVEA_CATCH2_V3)
#include <catch2/catch_all.hpp>

// Names of version 2 that version 3 changed.
namespace Catch {
inline auto Contains(const std::string& text) { return Matchers::ContainsSubstring(text); }
inline auto StartsWith(const std::string& text) { return Matchers::StartsWith(text); }
}  // namespace Catch
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif
