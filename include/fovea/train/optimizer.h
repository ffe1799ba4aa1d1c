// Optimizer: what all optimizers share. Layer train; read parameter_group.h first, sgd.h for the shortest one.
//
//   SGD optimizer(trainable(net), {.lr = 0.1, .momentum = 0.9, .weight_decay = 5e-4, .nesterov = true});
//   for (...) { ...; optimizer.set_lr(schedule.lr(step)); optimizer.step(tape.backward(loss)); }
//
// Names, defaults and formulas are those of torch.optim, where it has the optimizer. Parameters are float or double;
// state and arithmetic have the parameter's type. An optimizer shares the parameters' storage: a step changes the net.
#pragma once

#include <array>
#include <cmath>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fovea/core/gradients.h>
#include <fovea/train/elements.h>
#include <fovea/train/parameter_group.h>

namespace fovea::inline FOVEA_ABI {

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;  // two would share parameters and state
  Optimizer& operator=(const Optimizer&) = delete;

  // One step: changes every parameter by its gradient. Nothing is changed if a gradient is missing.
  void step(const Gradients& gradients) {
    for (const Slot& s : slots_)
      if (!gradients.find(s.parameter))
        fail(name_, ": no gradient of ", s.name, " ", s.parameter.shape(),
             ": the tape did not watch it (or the net's parameter was replaced after the optimizer was made)");
    ++steps_;
    begin_step();
    for (Slot& s : slots_) update(s, *gradients.find(s.parameter));
  }

  double lr() const { return lr_; }
  // From the next step on; what a schedule gives.
  void set_lr(double lr) { lr_ = check_at_least_0("lr", lr); }
  // The momentum of the next steps (of Adam and its kin: beta1), which one-cycle and cyclic schedules also set.
  virtual void set_momentum(double) { fail(name_, ": has no momentum to set"); }

  int group_count() const { return static_cast<int>(groups_.size()); }
  double lr_scale(int group) const { return at(group).lr_scale; }
  double weight_decay(int group) const { return at(group).weight_decay; }
  void set_lr_scale(int group, double scale) { at(group).lr_scale = check_at_least_0("lr_scale", scale); }
  void set_weight_decay(int group, double decay) { at(group).weight_decay = check_at_least_0("weight_decay", decay); }

  // Steps taken so far. A checkpoint saves it beside the state and sets it again.
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) {
    if (steps < 0) fail(name_, ": steps is ", steps, ", at least 0 is wanted");
    steps_ = steps;
  }

  // Calls f(name, AnyTensor&) for each state tensor, in a fixed order: "fc.weight.momentum_buffer". f may write the
  // tensor or put another of that type and shape in its place.
  template <class F>
  void for_each_state(F&& f) {
    for (Slot& s : slots_)
      for (std::size_t k = 0; k < s.state.size(); ++k) {
        const std::string name = s.name + "." + state_names_[k];
        AnyTensor state = s.state[k];
        f(name, state);
        if (state.dtype() != s.parameter.dtype() || state.shape() != s.parameter.shape())
          fail(name_, ": state ", name, " is ", state.dtype(), " ", state.shape(), ", its parameter wants ",
               s.parameter.dtype(), " ", s.parameter.shape());
        s.state[k] = std::move(state);
      }
  }

 protected:
  struct Slot {  // one parameter
    std::string name;
    AnyTensor parameter;
    std::size_t group = 0;
    std::vector<AnyTensor> state;  // in the order of add_state
  };
  // A slot and its gradient as typed pointers.
  template <class T, std::size_t States>
  struct Arrays {
    std::int64_t n = 0;
    T* p = nullptr;
    const T* g = nullptr;
    std::array<T*, States> state = {};

    // f(T& p, T g, T& state...) for each element.
    template <class F>
    void each(F f) const {
      detail::update_elements(n, p, g, state, f);
    }
    // after(T& p, T g, T root, T& state...) for each element, root = sqrt(before(T p, T g, T& state...)).
    template <class Before, class After>
    void each_with_root(Before before, After after) const {
      detail::update_elements_with_root(n, p, g, state, before, after);
    }
  };

  Optimizer(const char* name, ParameterGroups groups, double lr, double weight_decay) : name_(name) {
    set_lr(lr);
    check_at_least_0("weight_decay", weight_decay);
    std::unordered_set<std::string> names;
    std::unordered_set<ValueId> ids;
    for (ParameterGroup& g : groups.list) {
      groups_.push_back({check_at_least_0("lr_scale of a group", g.lr_scale),
                         check_at_least_0("weight_decay of a group", g.weight_decay.value_or(weight_decay))});
      for (NamedTensor& p : g.parameters) {
        check_parameter(p);
        if (!names.insert(p.name).second) fail(name_, ": two parameters are named '", p.name, "'");
        if (!ids.insert(p.tensor.id()).second) fail(name_, ": parameter ", p.name, " is listed twice");
        slots_.push_back({std::move(p.name), std::move(p.tensor), groups_.size() - 1, {}});
      }
    }
    if (slots_.empty()) fail(name_, ": there is no parameter to train");
  }

  // A state tensor for each parameter, of its type and shape, filled with `value`.
  void add_state(const char* name, double value = 0) {
    state_names_.emplace_back(name);
    for (Slot& s : slots_)
      with_type(s, [&]<class T>(T) { s.state.emplace_back(Tensor<T>(s.parameter.shape(), static_cast<T>(value))); });
  }

  // Calls f(T{}) with the parameter's type.
  template <class F>
  static void with_type(const Slot& s, F&& f) {
    if (s.parameter.dtype() == DType::f32)
      f(float{});
    else
      f(double{});
  }

  // Writes are announced: packed copies of the parameter are dropped.
  template <class T, std::size_t States>
  static Arrays<T, States> arrays(Slot& s, const AnyTensor& g) {
    Arrays<T, States> a{s.parameter.numel(),
                        reinterpret_cast<T*>(s.parameter.mutable_data()),
                        reinterpret_cast<const T*>(g.data()),
                        {}};
    for (std::size_t k = 0; k < States; ++k) a.state[k] = reinterpret_cast<T*>(s.state[k].mutable_data());
    return a;
  }

  double lr_of(const Slot& s) const { return lr_ * groups_[s.group].lr_scale; }
  double weight_decay_of(const Slot& s) const { return groups_[s.group].weight_decay; }

  // NaN is refused too.
  double check_at_least_0(const char* what, double value) const {
    if (!(value >= 0) || std::isinf(value))
      fail(name_, ": ", what, " is ", value, ", a number of at least 0 is wanted");
    return value;
  }
  // Of decay rates of averages: 0 <= value < 1.
  double check_fraction(const char* what, double value) const {
    if (!(value >= 0 && value < 1)) fail(name_, ": ", what, " is ", value, ", 0 <= ", what, " < 1 is wanted");
    return value;
  }
  void check_betas(const std::array<double, 2>& betas) const {
    check_fraction("beta1", betas[0]);
    check_fraction("beta2", betas[1]);
  }

  // What only depends on the step's number, which is steps() >= 1.
  virtual void begin_step() {}
  virtual void update(Slot& s, const AnyTensor& g) = 0;

  const char* const name_;

 private:
  struct Group {
    double lr_scale, weight_decay;
  };
  const Group& at(int group) const {
    if (group < 0 || group >= group_count())
      fail(name_, ": group ", group, " is unknown, there are ", group_count(), ", counted from 0");
    return groups_[static_cast<std::size_t>(group)];
  }
  Group& at(int group) { return const_cast<Group&>(std::as_const(*this).at(group)); }
  void check_parameter(const NamedTensor& p) const {
    if (!p.tensor.defined()) fail(name_, ": parameter ", p.name, " is undefined");
    if (p.tensor.dtype() != DType::f32 && p.tensor.dtype() != DType::f64)
      fail(name_, ": parameter ", p.name, " is ", p.tensor.dtype(), ", float32 or float64 is wanted");
  }

  std::vector<Group> groups_;
  std::vector<Slot> slots_;
  std::vector<std::string> state_names_;
  double lr_ = 0;
  std::int64_t steps_ = 0;
};

}  // namespace fovea::inline FOVEA_ABI
