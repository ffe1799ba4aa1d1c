// The options of an architecture as text, checked against its list of them: what files store ("fovea.model") and what
// the program's --option takes. Layer models; read models/create.h first.
#pragma once

#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fovea/core/suggest.h>

namespace fovea::inline FOVEA_ABI {

namespace models {
// Ordered by name, so that the same options are always written alike.
using Options = std::map<std::string, std::string>;

enum class OptionKind { count, positive, choice };  // 1 to 65536; a real number above 0; one of `choices`

struct OptionSpec {
  std::string name, value;  // value: the architecture's published default
  OptionKind kind = OptionKind::choice;
  std::vector<std::string> choices = {};
  std::string help = {};
};
}  // namespace models

namespace detail {
// The whole of `text` as a number of type N, or `otherwise`.
template <class N>
N parse_number(std::string_view text, N otherwise) {
  N value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : otherwise;
}

inline void check_option(std::string_view model, const models::OptionSpec& spec, const std::string& value) {
  constexpr std::int64_t kMaxCount = 65536;  // the option may come from a hostile file and decides an allocation
  switch (spec.kind) {
    case models::OptionKind::count: {
      const std::int64_t n = parse_number<std::int64_t>(value, 0);
      if (n < 1 || n > kMaxCount)
        fail("model ", model, ": option ", spec.name, " is '", value, "', wanted is a whole number from 1 to ",
             kMaxCount);
      return;
    }
    case models::OptionKind::positive: {
      const double x = parse_number<double>(value, 0);
      if (!(x > 0 && x < 1e30))
        fail("model ", model, ": option ", spec.name, " is '", value, "', wanted is a positive number such as ",
             spec.value);
      return;
    }
    case models::OptionKind::choice:
      if (std::ranges::find(spec.choices, value) == spec.choices.end())
        fail("model ", model, ": option ", spec.name, " is '", value, "'", suggest(value, spec.choices));
  }
}

// All options of the model: those given, checked, and the defaults of the rest. An unknown name or value is an error
// that suggests the nearest.
inline models::Options complete_options(std::string_view model, const std::vector<models::OptionSpec>& specs,
                                        const models::Options& given) {
  models::Options all;
  std::vector<std::string> names;
  for (const models::OptionSpec& spec : specs) {
    names.push_back(spec.name);
    all[spec.name] = spec.value;
  }
  for (const auto& [name, value] : given) {
    const auto spec = std::ranges::find(specs, name, &models::OptionSpec::name);
    if (spec == specs.end()) fail("model ", model, ": unknown option '", name, "'", suggest(name, names));
    check_option(model, *spec, value);
    all[name] = value;
  }
  return all;
}
}  // namespace detail

}  // namespace fovea::inline FOVEA_ABI
