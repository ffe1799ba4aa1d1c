// What the optimizer tests share: gradients that are handed in, and each optimizer by name.
#pragma once

#include <memory>

#include <fovea/core/record.h>
#include <fovea/train.h>
#include <support/reference.h>

namespace fovea::test {

// The Gradients of a tape that watched these parameters and found these gradients.
template <class T>
Gradients gradients_of(const std::vector<Tensor<T>>& parameters, const std::vector<Tensor<T>>& gradients) {
  Tape tape;
  std::vector<ValueId> ids;
  for (const Tensor<T>& p : parameters) {
    tape.watch(p);
    ids.push_back(p.id());
  }
  const Tensor<T> loss = record(
      "loss", [] { return Attributes{}; }, std::span<const ValueId>(ids), Tensor<T>({1}),
      [=](Gradients& g, const Tensor<T>&) {
        for (std::size_t i = 0; i < ids.size(); ++i) g.add(ids[i], gradients[i]);
      });
  return tape.backward(loss);
}

inline const std::vector<std::string> kOptimizers = {"sgd",     "adam",     "adamw", "nadam", "adamax", "rmsprop",
                                                     "adagrad", "adadelta", "lars",  "lamb",  "lion",   "muon"};

// The optimizer `name` with the options of a reference case (torch's names, and those of the case's formulas).
inline std::unique_ptr<Optimizer> make_optimizer(const std::string& name, ParameterGroups parameters,
                                                 const nlohmann::json& a = nlohmann::json::object()) {
  const auto number = [&](const char* key, double otherwise) { return a.value(key, otherwise); };
  const auto flag = [&](const char* key) { return a.value(key, false); };
  const double lr = a.contains("lr") && a.at("lr").is_number() ? a.at("lr").get<double>() : 0.1;
  const auto pair = [&](std::array<double, 2> otherwise) {
    if (a.contains("betas")) return a.at("betas").get<std::array<double, 2>>();
    return std::array<double, 2>{number("b1", otherwise[0]), number("b2", otherwise[1])};
  };
  const double decay = number("weight_decay", number("wd", 0));
  const std::array<double, 2> betas = pair({0.9, 0.999});
  auto p = std::move(parameters);
  if (name == "sgd")
    return std::make_unique<SGD>(
        p, SGDOptions{lr, number("momentum", 0), number("dampening", 0), decay, flag("nesterov"), flag("maximize")});
  if (name == "adam")
    return std::make_unique<Adam>(p, AdamOptions{lr, betas, number("eps", 1e-8), decay, flag("amsgrad")});
  if (name == "adamw")
    return std::make_unique<AdamW>(p, AdamWOptions{lr, betas, number("eps", 1e-8), decay, flag("amsgrad")});
  if (name == "nadam") return std::make_unique<NAdam>(p, NAdamOptions{.lr = lr, .betas = betas, .weight_decay = decay});
  if (name == "adamax") return std::make_unique<Adamax>(p, AdamaxOptions{.lr = lr, .betas = betas});
  if (name == "rmsprop")
    return std::make_unique<RMSprop>(p, RMSpropOptions{lr, number("alpha", 0.99), number("eps", 1e-8), decay,
                                                       number("momentum", 0), flag("centered")});
  if (name == "adagrad")
    return std::make_unique<Adagrad>(p, AdagradOptions{lr, number("lr_decay", 0), decay,
                                                       number("initial_accumulator_value", 0), number("eps", 1e-10)});
  if (name == "adadelta") return std::make_unique<Adadelta>(p, AdadeltaOptions{.lr = lr});
  if (name == "lars")
    return std::make_unique<LARS>(p,
                                  LARSOptions{lr, number("mu", 0.9), decay, number("eta", 1e-3), number("eps", 1e-8)});
  if (name == "lamb") return std::make_unique<LAMB>(p, LAMBOptions{lr, betas, number("eps", 1e-6), decay});
  if (name == "lion") return std::make_unique<Lion>(p, LionOptions{lr, pair({0.9, 0.99}), decay});
  REQUIRE(name == "muon");
  return std::make_unique<Muon>(
      p, MuonOptions{.lr = lr, .weight_decay = decay, .momentum = number("mu", 0.95), .nesterov = flag("nesterov")});
}

}  // namespace fovea::test
