// Fuzz target of core/json.h: a text that parses is written and read back to the same value and the same text.
#pragma once

#include "tensor_bytes.h"

namespace fovea::fuzz {

inline void fuzz_json(std::span<const std::byte> bytes) {
  answer_or_error([&] {
    const Json json = Json::parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    const std::string text = json.dump();
    const Json again = Json::parse(text);
    require(again == json && again.dump() == text);
  });
}

}  // namespace fovea::fuzz
