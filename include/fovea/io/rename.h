// RenameRules: a small rule file that maps the tensor names of one project to those of another. Layer io; on its own
// because <regex> is dear.
// One rule a line, applied in order to every name; '#' starts a comment line.
//
//   strip backbone.                          # remove the prefix where it is there
//   rename ^blocks\.(\d+)\.bn -> layer.$1.norm  # ECMAScript regular expression, every match; $1, $2 ... in the text
//   drop num_batches_tracked$                # leave out the tensors whose name matches
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fovea/io/tensor_file.h>

namespace fovea::inline FOVEA_ABI {

class RenameRules {
 public:
  // `name` is that of the rule file, for errors; they name the line.
  static RenameRules parse(std::string_view text, std::string_view name = "rename rules") {
    RenameRules rules;
    for (int line = 1; !text.empty(); ++line) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      rules.add_line(trim(text.substr(0, end)), {.file = name, .field = to_text("line ", line)});
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return rules;
  }

  // The new name; none if a rule drops it.
  std::optional<std::string> apply(std::string name) const {
    if (name.size() > kLongestName)  // std::regex recurses once a character
      fail_as(Code::bad_data, "rename: a tensor name of ", name.size(), " bytes; at most ", kLongestName,
              " are matched");
    for (const Rule& r : rules_) {
      if (r.kind == Kind::strip && name.starts_with(r.text)) name.erase(0, r.text.size());
      if (r.kind == Kind::drop && std::regex_search(name, r.pattern)) return std::nullopt;
      if (r.kind == Kind::rename) name = std::regex_replace(name, r.pattern, r.text);
    }
    return name;
  }

  // Tensors under their new names, in order. Two that end under one name are an error.
  NamedTensors apply(NamedTensors tensors) const {
    NamedTensors out;
    std::map<std::string, std::string, std::less<>> origin;
    for (auto& [old, tensor] : tensors) {
      const std::optional<std::string> name = apply(old);
      if (!name) continue;
      const auto [place, fresh] = origin.emplace(*name, old);
      if (!fresh) fail_as(Code::bad_data, "rename: ", place->second, " and ", old, " both become ", *name);
      out.emplace_back(*name, std::move(tensor));
    }
    return out;
  }

 private:
  enum class Kind : std::uint8_t { strip, rename, drop };
  struct Rule {
    Kind kind;
    std::string text;  // prefix, or replacement
    std::regex pattern = {};
  };
  static constexpr std::size_t kLongestName = 1000;

  static std::string_view trim(std::string_view s) {
    constexpr std::string_view space = " \t\r";
    const std::size_t first = s.find_first_not_of(space);
    return first == std::string_view::npos ? std::string_view()
                                           : s.substr(first, s.find_last_not_of(space) - first + 1);
  }
  static std::regex compile(std::string_view pattern, const Where& where) {
    if (pattern.empty()) fail_data(where, "a regular expression is missing");
    try {
      return std::regex(pattern.begin(), pattern.end());
    } catch (const std::regex_error& e) {
      fail_data(where, "\"", pattern, "\" is no regular expression: ", e.what());
    }
  }

  void add_line(std::string_view line, const Where& where) {
    if (line.empty() || line[0] == '#') return;
    const std::size_t space = std::min(line.find_first_of(" \t"), line.size());
    const std::string_view verb = line.substr(0, space), rest = trim(line.substr(space));
    if (verb == "strip") {
      if (rest.empty()) fail_data(where, "strip wants a prefix");
      rules_.push_back({Kind::strip, std::string(rest)});
    } else if (verb == "drop") {
      rules_.push_back({Kind::drop, "", compile(rest, where)});
    } else if (verb == "rename") {
      const std::size_t arrow = rest.rfind("->");
      if (arrow == std::string_view::npos) fail_data(where, "rename wants REGEX -> TEXT");
      rules_.push_back(
          {Kind::rename, std::string(trim(rest.substr(arrow + 2))), compile(trim(rest.substr(0, arrow)), where)});
    } else {
      fail_data(where, "\"", verb, "\" is no rule; strip PREFIX, rename REGEX -> TEXT and drop REGEX are");
    }
  }

  std::vector<Rule> rules_;
};

}  // namespace fovea::inline FOVEA_ABI
