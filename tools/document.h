// JSON that the program prints: members keep their order.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace fovea::tools {

using Document = nlohmann::ordered_json;

// As text, indented by `indent` (-1: one line). Text that is no UTF-8, a path for example, must not end the run: its
// bytes are replaced.
inline std::string text_of(const Document& document, int indent) {
  return document.dump(indent, ' ', false, Document::error_handler_t::replace);
}

}  // namespace fovea::tools
