// The reference cases of the data folder (GROUP.json and GROUP.safetensors): every test walks an index, the small one
// of the checkout (tests/data/reference, made by tests/tools/make_small_reference.py) and the whole one where it is
// there.
#pragma once

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include <fovea/core/cpu.h>
#include <fovea/core/tape.h>
#include <fovea/io/safetensors.h>
#include <fovea/ops/window.h>
#include <support/catch.h>
#include <support/support.h>

namespace fovea::test {

struct ReferenceCase {
  std::string name, op;
  nlohmann::json attrs, inputs, outputs, grads;  // name -> layout; grads: of the inputs whose gradient is stored
  const TensorFile* tensors = nullptr;
  double float_error = 0;  // of PyTorch's own float32, output or gradients, whichever is larger
  double grad_factor = 1;  // of the stored gradients, where PyTorch's constant is not the exact one

  bool has(const std::string& input) const { return inputs.contains(input); }
  // An input (stored as float32) as T; undefined if the case has none of this name.
  template <class T>
  Tensor<T> in(const std::string& input) const {
    return has(input) ? tensors->at(name + "/in/" + input).template to<T>() : Tensor<T>();
  }
  // The exact output, float64.
  Tensor<double> out(const std::string& output = "y") const {
    return tensors->at(name + "/out/" + output).to<double>();
  }
  // The upstream gradient of an output, stored as float32.
  template <class T>
  Tensor<T> upstream(const std::string& output = "y") const {
    return tensors->at(name + "/gout/" + output).template to<T>();
  }
  // The exact gradient of sum(output * upstream) by an input, float64.
  Tensor<double> grad(const std::string& input) const {
    Tensor<double> g = tensors->at(name + "/grad/" + input).to<double>().clone();
    for (double& v : g.mutable_values()) v *= grad_factor;
    return g;
  }
  // A size in two dimensions: a number or [h, w].
  Size2 size2(const std::string& key) const {
    const nlohmann::json& v = attrs.at(key);
    return v.is_array() ? Size2(v.at(0).get<std::int64_t>(), v.at(1).get<std::int64_t>())
                        : Size2(v.get<std::int64_t>());
  }
  // A number, [h, w], or [top, bottom, left, right].
  Padding padding() const {
    const nlohmann::json& v = attrs.at("padding");
    const auto at = [&](std::size_t i) { return v.at(i).get<std::int64_t>(); };
    if (!v.is_array()) return v.get<std::int64_t>();
    return v.size() == 2 ? Padding(at(0), at(0), at(1), at(1)) : Padding(at(0), at(1), at(2), at(3));
  }
  bool is_same() const { return attrs.value("rule", "") == "TF-SAME"; }
};

// Calls f(case) for each case of a group in `folder`.
template <class F>
void for_each_case_in(const std::filesystem::path& folder, const std::string& group, F&& f) {
  const nlohmann::json index = nlohmann::json::parse(read_text(folder / (group + ".json")));
  const TensorFile tensors = load_safetensors(folder / index.at("tensors").get<std::string>());
  for (const nlohmann::json& c : index.at("cases")) {
    ReferenceCase r{c.at("name"),   c.at("op"),      c.at("attrs"),
                    c.at("inputs"), c.at("outputs"), c.value("grads", nlohmann::json::object()),
                    &tensors};
    for (const double e : c.value("f32_err", std::vector<double>())) r.float_error = std::max(r.float_error, e);
    INFO(group << " case " << r.name << ", op " << r.op << ", attributes " << r.attrs.dump());
    f(r);
  }
}

// How the cases of a group are tested: a function for each kind that exists, and the kinds whose time has not come.
// A kind is the op's name, or what `kind` makes of a case.
struct ReferenceGroupTest {
  std::string group;
  std::map<std::string, std::function<void(const ReferenceCase&)>> checks;
  std::set<std::string> later;
  std::function<std::string(const ReferenceCase&)> kind = [](const ReferenceCase& c) { return c.op; };

  void run(const std::filesystem::path& folder, bool whole) const {
    std::map<std::string, int> checked, left;
    for_each_case_in(folder, group, [&](const ReferenceCase& c) {
      const std::string k = kind(c);
      if (const auto check = checks.find(k); check != checks.end()) {
        check->second(c);
        ++checked[k];
      } else {
        INFO("kind " << k << " has no check and is not listed as later");
        REQUIRE(later.contains(k));
        ++left[k];
      }
    });
    for (const auto& [k, check] : checks) {
      INFO(folder.string() << ": " << group << " has no case of " << k << ", so nothing was tested");
      REQUIRE(checked[k] > 0);
    }
    if (!whole) return;
    std::string list;
    for (const std::string& k : later) {
      INFO(group << " has no case of " << k << ": take it from the list of later kinds");
      REQUIRE(left[k] > 0);
      list += (list.empty() ? "; later: " : ", ") + k + " " + std::to_string(left[k]);
    }
    int total = 0;
    for (const auto& [k, n] : checked) total += n;
    std::printf("%s: %d cases checked%s\n", group.c_str(), total, list.c_str());
  }
  void run_committed() const { run(source_file("tests/data/reference"), false); }
  void run_shared() const {
    if (needs("data")) run(shared_data("reference"), true);
  }
};

// Caps the kernel choice while it is alive.
class CapIsa {
 public:
  explicit CapIsa(Isa isa) : before_(isa_cap()) { cap_isa(isa); }
  ~CapIsa() { cap_isa(before_); }
  CapIsa(const CapIsa&) = delete;
  CapIsa& operator=(const CapIsa&) = delete;

 private:
  Isa before_;
};
// The caps that this machine has and that choose different fp32 kernels.
inline std::vector<Isa> caps() {
  std::vector<Isa> all;
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512, Isa::neon})
    if (cpu_has(isa)) all.push_back(isa);
  return all;
}

// max |y - ref| <= tolerance * max(1, max |ref|), and the same shape. 0 asks for the reference rounded to T.
template <class T>
void require_close(const Tensor<T>& y, const Tensor<double>& ref, double tolerance) {
  REQUIRE(y.shape() == ref.shape());
  double scale = 1;
  for (const double v : ref.values()) scale = std::max(scale, std::abs(v));
  for (std::int64_t i = 0; i < ref.numel(); ++i) {
    const double wanted = ref.data()[i], found = static_cast<double>(y.data()[i]);
    const bool close = tolerance > 0 ? std::abs(found - wanted) <= tolerance * scale
                                     : found == static_cast<double>(static_cast<T>(wanted));
    if (close) continue;
    INFO("element " << i << " of " << ref.shape() << ", type " << dtype_of<T> << ", tolerance " << tolerance << " x "
                    << scale << ", cap " << name_of(isa_cap()));
    REQUIRE(found == wanted);
  }
}

// A result of bf16 or half is the exact one rounded once: half a unit in the last place off, and one part in 1,000 more
// for parameters that were rounded to float before. The reference is itself good to 1e-12, which shows where it cancels
// (gelu).
template <class T>
void require_rounded(const Tensor<T>& y, const Tensor<double>& ref) {
  constexpr double half_unit = std::is_same_v<T, bf16> ? 0x1p-8 : 0x1p-11;  // of a value in [1, 2)
  constexpr double subnormal = std::is_same_v<T, bf16> ? 0 : 0x1p-25;
  REQUIRE(y.shape() == ref.shape());
  double scale = 1;
  for (const double v : ref.values()) scale = std::max(scale, std::abs(v));
  for (std::int64_t i = 0; i < ref.numel(); ++i) {
    const double wanted = ref.data()[i], found = static_cast<double>(y.data()[i]);
    const double unit = wanted == 0 ? 0 : std::exp2(std::floor(std::log2(std::abs(wanted))));
    const double bound = std::max(unit * half_unit, subnormal) * 1.001 + 1e-12 * scale;
    if (std::abs(found - wanted) <= bound) continue;
    INFO("element " << i << " of " << ref.shape() << ", type " << dtype_of<T> << ", bound " << bound);
    REQUIRE(found == wanted);
  }
}

// Inputs that T holds exactly.
template <class T>
bool inputs_fit(const ReferenceCase& c) {
  for (const auto& [input, layout] : c.inputs.items()) {
    const Tensor<float> x = c.in<float>(input);
    for (const float v : x.values())
      if (static_cast<float>(static_cast<T>(v)) != v) return false;
  }
  return true;
}

enum class Precision { rounded, exact };  // of float32: within 1e-5, or the float64 result rounded

// Runs `op(T{}) -> Tensor<T>` in float64, in float32 under each cap, and in bf16 and half where these hold the inputs.
template <class F>
void check_types(const ReferenceCase& c, F&& op, Precision precision = Precision::rounded,
                 const std::string& output = "y") {
  const Tensor<double> ref = c.out(output);
  require_close(op(double{}), ref, 1e-12);
  for (const Isa isa : caps()) {
    const CapIsa cap(isa);
    require_close(op(float{}), ref, precision == Precision::exact ? 0 : 1e-5);
  }
  if (inputs_fit<bf16>(c)) require_rounded(op(bf16{}), ref);
  if (inputs_fit<half>(c)) require_rounded(op(half{}), ref);
}

// The inputs of a case in one type of activations, each made once, so that a tape can watch it and an op be given it.
template <class T>
class CaseInputs {
 public:
  using type = T;
  explicit CaseInputs(const ReferenceCase& c) : case_(c) {
    for (const auto& [input, layout] : c.inputs.items()) made_[input] = c.in<T>(input);
  }
  bool has(const std::string& input) const { return made_.contains(input); }
  // An activation; undefined if the case has none of this name.
  Tensor<T> operator()(const std::string& input) const { return has(input) ? made_.at(input) : Tensor<T>(); }
  // A parameter.
  Tensor<master_t<T>> param(const std::string& input) const {
    if constexpr (std::is_same_v<T, master_t<T>>)
      return (*this)(input);
    else
      return case_.in<master_t<T>>(input);
  }

 private:
  const ReferenceCase& case_;
  std::map<std::string, Tensor<T>> made_;
};

// The gradients of op(CaseInputs<T>) -> Tensor<T> in one type against every stored one, all inputs watched together.
// Tolerance as of require_close; 0 asks for the reference rounded to T.
template <class T, class F>
void check_gradients_of(const ReferenceCase& c, F&& op, double tolerance, const std::string& output) {
  const CaseInputs<T> in(c);
  Tape tape;
  for (const auto& [input, layout] : c.grads.items()) tape.watch(in(input), input);
  const Gradients gradients = tape.backward(op(in), c.upstream<T>(output));
  for (const auto& [input, layout] : c.grads.items()) {
    INFO("gradient of " << input);
    require_close(gradients.of(in(input)), c.grad(input), tolerance);
  }
}

// Runs `op(const CaseInputs<T>& in) -> Tensor<T>` (in("x"), in.param("weight")) under a tape that watches every input
// whose gradient is stored, back from the stored upstream gradient, in float64 (1e-12) and in float32 under each cap
// (`float_tolerance`, or exact).
template <class F>
void check_gradients(const ReferenceCase& c, F&& op, Precision precision = Precision::rounded,
                     double float_tolerance = 1e-5, const std::string& output = "y") {
  REQUIRE(!c.grads.empty());
  check_gradients_of<double>(c, op, 1e-12, output);
  for (const Isa isa : caps()) {
    const CapIsa cap(isa);
    check_gradients_of<float>(c, op, precision == Precision::exact ? 0 : float_tolerance, output);
  }
}

// Forward (check_types) and backward (check_gradients) of an op, called as check_gradients calls it.
template <class F>
void check_op(const ReferenceCase& c, F&& op, Precision precision = Precision::rounded) {
  check_types(
      c, [&]<class T>(T) { return op(CaseInputs<T>(c)); }, precision);
  check_gradients(c, op, precision);
}

}  // namespace fovea::test
