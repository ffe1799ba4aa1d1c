// Which parameters to train: freezing is not watching, so a frozen net is one whose parameters are left out of the
// list. Layer nn; read nn/module.h first.
//
//   trainable(net)                     // all parameters
//   trainable(net, {"layer4", "fc"})   // only these and what is below them
//   trainable_except(net, {"conv1", "bn1", "layer1"})
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fovea/core/suggest.h>
#include <fovea/nn/module.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {
// True if `prefix` is `name` or whole leading parts of it: "features.1" covers features.1.0 and not features.18.
inline bool is_below(std::string_view name, std::string_view prefix) {
  return name.substr(0, prefix.size()) == prefix && (name.size() == prefix.size() || name[prefix.size()] == '.');
}

// Every leading part of every name, in order: layer1, layer1.0, layer1.0.conv1, layer1.0.conv1.weight, ...
inline std::vector<std::string> all_prefixes(const std::vector<NamedTensor>& parameters) {
  std::vector<std::string> prefixes;
  for (const NamedTensor& p : parameters) {
    for (std::size_t at = p.name.find('.');; at = p.name.find('.', at + 1)) {
      const std::string prefix = p.name.substr(0, at);
      if (std::ranges::find(prefixes, prefix) == prefixes.end()) prefixes.push_back(prefix);
      if (at == std::string::npos) break;
    }
  }
  return prefixes;
}

inline bool is_below_any(std::string_view name, std::span<const std::string_view> prefixes) {
  return std::ranges::any_of(prefixes, [&](std::string_view p) { return is_below(name, p); });
}

inline void check_prefixes(const char* function, const std::vector<NamedTensor>& parameters,
                           std::span<const std::string_view> prefixes) {
  for (const std::string_view prefix : prefixes) {
    if (std::ranges::any_of(parameters, [&](const NamedTensor& p) { return is_below(p.name, prefix); })) continue;
    const std::string nearest = nearest_name(prefix, all_prefixes(parameters));
    fail(function, ": no parameter is named '", prefix, "' or below it",
         nearest.empty() ? "" : to_text(", did you mean '", nearest, "'?"));
  }
}
}  // namespace detail

// All parameters (no buffers), in the order of the module's visit.
template <class M>
std::vector<NamedTensor> trainable(const M& module) {
  std::vector<NamedTensor> all;
  for_each_tensor(module, [&](const std::string& name, const auto& t, bool is_buffer) {
    if (!is_buffer) all.push_back({name, t});
  });
  return all;
}

// The parameters whose names begin with one of `prefixes`, in whole parts. A prefix that no parameter has is an error.
template <class M>
std::vector<NamedTensor> trainable(const M& module, std::span<const std::string_view> prefixes) {
  std::vector<NamedTensor> list = trainable(module);
  detail::check_prefixes("trainable", list, prefixes);
  std::erase_if(list, [&](const NamedTensor& p) { return !detail::is_below_any(p.name, prefixes); });
  return list;
}
template <class M>
std::vector<NamedTensor> trainable(const M& module, std::initializer_list<std::string_view> prefixes) {
  return trainable(module, std::span(prefixes.begin(), prefixes.size()));
}

// The parameters that are not frozen: those whose names begin with none of `frozen`.
template <class M>
std::vector<NamedTensor> trainable_except(const M& module, std::span<const std::string_view> frozen) {
  std::vector<NamedTensor> list = trainable(module);
  detail::check_prefixes("trainable_except", list, frozen);
  std::erase_if(list, [&](const NamedTensor& p) { return detail::is_below_any(p.name, frozen); });
  return list;
}
template <class M>
std::vector<NamedTensor> trainable_except(const M& module, std::initializer_list<std::string_view> frozen) {
  return trainable_except(module, std::span(frozen.begin(), frozen.size()));
}

}  // namespace fovea::inline FOVEA_ABI
