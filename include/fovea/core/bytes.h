// Small helpers for untrusted bytes. Layer core.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <fovea/core/config.h>

namespace fovea::inline FOVEA_ABI::detail {

using Bytes = std::span<const std::byte>;

inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline bool starts_with(Bytes bytes, std::string_view magic) { return as_text(bytes).substr(0, magic.size()) == magic; }

}  // namespace fovea::inline FOVEA_ABI::detail
