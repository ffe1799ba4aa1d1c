// models::create: a network by its name and options, for programs and for weight files that say what they hold.
// Layer models; read models/any_net.h first. The list of architectures in create_inl.h is the one place that knows all
// of them.
//
//   AnyNet net = models::create("mobilenet_v2", {{"padding", "same"}});
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fovea/models/any_net.h>
#include <fovea/models/options.h>

namespace fovea::inline FOVEA_ABI {

namespace models {
struct Architecture {
  std::string name;
  std::vector<OptionSpec> options;
  Published published;
  AnyNet (*make)(const Architecture&, const Options&);  // with all options given and checked
};

// Every architecture, in the order in which lists show them. A template, as what calls it below, so that a file which
// makes no network by its name does not compile all of them.
template <class = void>
const std::vector<Architecture>& architectures();

template <class T = void>
std::vector<std::string> names() {
  std::vector<std::string> list;
  for (const Architecture& a : architectures<T>()) list.push_back(a.name);
  return list;
}

// The architecture of this name, with its options and published preprocessing; an unknown name suggests the nearest.
template <class T = void>
const Architecture& architecture(std::string_view name) {
  const auto found = std::ranges::find(architectures<T>(), name, &Architecture::name);
  if (found == architectures<T>().end()) fail("unknown model '", name, "'", suggest(name, names<T>()));
  return *found;
}

// The network with zero weights. Options that are not given have the architecture's published values.
template <class T = void>
AnyNet create(std::string_view name, const Options& options = {}) {
  const Architecture& a = architecture<T>(name);
  return a.make(a, detail::complete_options(name, a.options, options));
}

#if defined(FOVEA_COMPILED)
extern template const std::vector<Architecture>& architectures<>();
#endif
}  // namespace models

}  // namespace fovea::inline FOVEA_ABI

#if !defined(FOVEA_COMPILED)
#  include <fovea/models/create_inl.h>
#endif
