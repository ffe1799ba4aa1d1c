// ParameterGroup: parameters that an optimizer treats alike, with a rate and a weight decay of their own. Layer train;
// read nn/freeze.h first, optimizer.h next.
//
//   SGD optimizer(trainable(net), {.lr = 0.1, .weight_decay = 5e-4});                        // one group
//   SGD optimizer(no_decay_on_vectors(trainable(net)), {.lr = 0.1, .weight_decay = 5e-4});   // norms and biases apart
//   SGD optimizer({{.parameters = trainable(net, {"fc"})},
//                  {.parameters = trainable_except(net, {"fc"}), .lr_scale = 0.1}}, {.lr = 0.1});
#pragma once

#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include <fovea/core/any_tensor.h>

namespace fovea::inline FOVEA_ABI {

struct ParameterGroup {
  std::vector<NamedTensor> parameters;
  double lr_scale = 1;                      // the group's rate is the optimizer's times this
  std::optional<double> weight_decay = {};  // the optimizer's if not set
};

// What the optimizers take: one list of parameters, or several groups.
struct ParameterGroups {
  ParameterGroups(std::vector<NamedTensor> parameters) {  // implicit: a list is one group
    list.push_back({std::move(parameters), 1, {}});
  }
  ParameterGroups(std::vector<ParameterGroup> groups) : list(std::move(groups)) {}  // implicit
  ParameterGroups(std::initializer_list<NamedTensor> parameters) : ParameterGroups(std::vector(parameters)) {}
  ParameterGroups(std::initializer_list<ParameterGroup> groups) : list(groups) {}

  std::vector<ParameterGroup> list;
};

// Two groups: the matrices and filters; then, without weight decay, the vectors, which are the weights of norms and all
// biases (He et al. 2019, "Bag of tricks", 3.1: decay is for the weights of convolutions and linear layers alone).
inline std::vector<ParameterGroup> no_decay_on_vectors(const std::vector<NamedTensor>& parameters) {
  std::vector<ParameterGroup> groups(2);
  groups[1].weight_decay = 0;
  for (const NamedTensor& p : parameters) groups[p.tensor.shape().rank() <= 1 ? 1 : 0].parameters.push_back(p);
  return groups;
}

}  // namespace fovea::inline FOVEA_ABI
