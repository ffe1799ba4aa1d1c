// taps(net, x, names): runs a network and returns what some of its modules gave. Layer nn; read nn/module.h first.
//
//   const std::vector<Tensor<float>> y = taps(net, x, {"layer4", ""});   // "" is the network itself
//
// Under a tape each tapped value is watched from when it appears: gradients.of(y[0]) is dloss/dy, and of a frozen net
// only what follows y[0] is recorded. Distillation and Grad-CAM need no more.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fovea/core/suggest.h>
#include <fovea/core/tape.h>
#include <fovea/nn/module.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {
// The key that a tap's name means: a module, or the last element of a vector of modules ("layer4": "layer4.2").
inline const ModuleKey& find_module(const std::vector<ModuleKey>& keys, std::string_view name) {
  const ModuleKey* found = nullptr;
  for (const ModuleKey& key : keys) {
    if (key.name == name) return key;
    const bool element = !name.empty() && key.name.size() > name.size() + 1 && key.name.starts_with(name) &&
                         key.name[name.size()] == '.' &&
                         std::all_of(key.name.begin() + static_cast<std::ptrdiff_t>(name.size()) + 1, key.name.end(),
                                     [](char c) { return c >= '0' && c <= '9'; });
    if (element) found = &key;
  }
  if (found) return *found;
  std::vector<std::string> names;
  for (const ModuleKey& key : keys) names.push_back(key.name);
  const std::string nearest = nearest_name(name, names);
  fail("taps: no module is named '", name, "'", nearest.empty() ? "" : to_text(", did you mean '", nearest, "'?"));
}

template <class T>
class TapObserver : public ModuleObserver {
 public:
  TapObserver(std::vector<ModuleKey> wanted) : outputs(wanted.size()), wanted_(std::move(wanted)) {}
  void on_output(const void* module, const void* type, const AnyTensor& y) override {
    for (std::size_t i = 0; i < wanted_.size(); ++i)
      if (wanted_[i].module == module && wanted_[i].type == type) {
        outputs[i] = y.as<T>();
        if (Tape* tape = Tape::current())
          tape->watch(y, wanted_[i].name.empty() ? "the net's output" : wanted_[i].name);
      }
  }
  std::vector<Tensor<T>> outputs;

 private:
  std::vector<ModuleKey> wanted_;
};
}  // namespace detail

// The outputs of the named modules, in the order of `names`, of one run of net(x). A module that runs more than once
// gives its last output; one that does not run, or an unknown name, is an error.
template <class M, Element T>
std::vector<Tensor<T>> taps(const M& net, const Tensor<T>& x, std::span<const std::string> names) {
  const std::vector<ModuleKey> keys = module_keys(net);
  std::vector<ModuleKey> wanted;
  for (const std::string& name : names) wanted.push_back(detail::find_module(keys, name));
  detail::TapObserver<T> observer(std::move(wanted));
  net(x);
  for (std::size_t i = 0; i < names.size(); ++i)
    if (!observer.outputs[i].defined()) fail("taps: module '", names[i], "' did not run");
  return observer.outputs;
}
template <class M, Element T>
std::vector<Tensor<T>> taps(const M& net, const Tensor<T>& x, std::initializer_list<std::string> names) {
  return taps(net, x, std::span<const std::string>(names.begin(), names.size()));
}

}  // namespace fovea::inline FOVEA_ABI
