// What makes a plain struct a module: a static `visit` that names its members. Layer nn; read before any network.
//
//   struct Block {
//     Conv2d<> conv1; BatchNorm2d<> bn1; std::optional<Conv2d<>> downsample; std::vector<Block> tail;
//     Tensor<float> operator()(const Tensor<float>& x) const { return tapped(*this, ...); }
//     static void visit(auto&& self, auto&& v) {
//       v("conv1", self.conv1); v("bn1", self.bn1); v("downsample", self.downsample); v("tail", self.tail);
//     }
//   };
//
// Leaves call v.parameter(name, tensor) and v.buffer(name, tensor). Empty optionals are skipped, vectors are numbered
// from 0 (or from the third argument), and const modules can be visited. Loading, saving, counting, freezing, printing
// and optimizers need nothing else.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <fovea/core/any_tensor.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {
// Walks a module tree. OnTensor: f(name, Tensor<T>&, bool is_buffer); OnModule: f(name, module&), before its members.
template <class OnTensor, class OnModule>
class Visitor {
 public:
  Visitor(OnTensor& on_tensor, OnModule& on_module, std::string prefix)
      : on_tensor_(on_tensor), on_module_(on_module), prefix_(std::move(prefix)) {}

  void parameter(const std::string& name, auto& t) { on_tensor_(prefix_ + name, t, false); }
  void buffer(const std::string& name, auto& t) { on_tensor_(prefix_ + name, t, true); }

  template <class M>
  void operator()(const std::string& name, M& module) {
    on_module_(prefix_ + name, module);
    std::remove_const_t<M>::visit(module, Visitor(on_tensor_, on_module_, prefix_ + name + "."));
  }
  template <class M>
  void operator()(const std::string& name, std::optional<M>& module) {
    if (module) (*this)(name, *module);
  }
  template <class M>
  void operator()(const std::string& name, const std::optional<M>& module) {
    if (module) (*this)(name, *module);
  }
  template <class M>
  void operator()(const std::string& name, std::vector<M>& modules, int first = 0) {
    list(name, modules, first);
  }
  template <class M>
  void operator()(const std::string& name, const std::vector<M>& modules, int first = 0) {
    list(name, modules, first);
  }

 private:
  void list(const std::string& name, auto& modules, int first) {
    for (auto& m : modules) (*this)(name + "." + std::to_string(first++), m);
  }
  OnTensor& on_tensor_;
  OnModule& on_module_;
  std::string prefix_;
};
struct Ignore {
  void operator()(auto&&...) const {}
};
}  // namespace detail

// Calls f(full name, tensor, is_buffer) for every parameter and buffer of the module, in the order of its visit.
template <class M, class F>
void for_each_tensor(M& module, F&& f) {
  const detail::Ignore ignore;
  std::remove_const_t<M>::visit(module, detail::Visitor(f, ignore, ""));
}

// Calls f(full name, module) for every module below this one, parents before their members.
template <class M, class F>
void for_each_module(M& module, F&& f) {
  const detail::Ignore ignore;
  std::remove_const_t<M>::visit(module, detail::Visitor(ignore, f, ""));
}

// Parameters of a module (buffers such as running means do not count).
template <class M>
std::int64_t parameter_count(const M& module) {
  std::int64_t n = 0;
  for_each_tensor(module, [&](const std::string&, const auto& t, bool is_buffer) { n += is_buffer ? 0 : t.numel(); });
  return n;
}

// Sees the output of every module that runs on this thread while it is alive; observers nest, the innermost sees.
// `type` tells a module from its first member, which has the same address.
class ModuleObserver {
 public:
  ModuleObserver() : outer_(std::exchange(current_, this)) {}
  virtual ~ModuleObserver() { current_ = outer_; }
  ModuleObserver(const ModuleObserver&) = delete;
  ModuleObserver& operator=(const ModuleObserver&) = delete;

  virtual void on_output(const void* module, const void* type, const AnyTensor& y) = 0;
  static ModuleObserver* current() { return current_; }

 private:
  static inline thread_local ModuleObserver* current_ = nullptr;
  ModuleObserver* outer_;
};

namespace detail {
template <class M>
inline constexpr char type_tag = 0;
}
// An address that stands for the module's type.
template <class M>
const void* module_type(const M&) {
  return &detail::type_tag<M>;
}

// What tells a module to an observer.
struct ModuleKey {
  std::string name;  // "layer1.0.conv1"; empty for the network itself
  const void* module;
  const void* type;
};

// The keys of a network and all modules below it, parents before their members.
template <class M>
std::vector<ModuleKey> module_keys(const M& net) {
  std::vector<ModuleKey> keys{{"", &net, module_type(net)}};
  for_each_module(net, [&](const std::string& name, const auto& m) { keys.push_back({name, &m, module_type(m)}); });
  return keys;
}

// Every module's operator() ends with `return tapped(*this, y)`: one thread-local check unless somebody observes.
template <class M, class T>
Tensor<T> tapped(const M& module, Tensor<T> y) {
  if (ModuleObserver* o = ModuleObserver::current()) o->on_output(&module, module_type(module), y);
  return y;
}

}  // namespace fovea::inline FOVEA_ABI
