// Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391): where in a layer's feature map the evidence for a class lies.
// Layer explain; read nn/taps.h first.
//
//   const GradCam<float> cam = grad_cam(net, x, {.layer = "layer4"});   // cam.map: 7 7 for a photo of 224 x 224
//
// With A the layer's output, H W K, and y the logit of the class (the paper's y^c, before the softmax):
//   a_k = mean over the pixels of dy/dA_k                (eq. 1)        map = relu(sum over k of a_k A_k)     (eq. 2)
// Only A is watched: what comes before it keeps nothing, and no parameter's gradient is computed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <fovea/core/suggest.h>
#include <fovea/explain/target.h>
#include <fovea/nn/taps.h>

namespace fovea::inline FOVEA_ABI {

struct GradCamOptions {
  std::optional<std::int64_t> index = std::nullopt;  // class; none: the most probable
  std::string layer = {};                            // as taps names it; empty: last_feature_map(net)
};

template <Element T>
struct GradCam {
  Tensor<T> map;           // H W of the layer, >= 0
  Tensor<T> logits;        // 1 classes
  std::int64_t index = 0;  // the class explained
  std::string layer;       // in full: "layer4.2"
};

namespace detail {
// Keeps which module last gave a feature map.
class LastFeatureMap : public ModuleObserver {
 public:
  void on_output(const void* module, const void* type, const AnyTensor& y) override {
    if (y.shape().rank() == 4) module_ = module, type_ = type;
  }
  bool is(const ModuleKey& key) const { return key.module == module_ && key.type == type_; }

 private:
  const void *module_ = nullptr, *type_ = nullptr;
};
}  // namespace detail

// The last module that gives a feature map N H W C: what the pooling before the classifier reads, if the last
// activation is inside of a module or one itself. Found by running the network once on a photo of 32 x 32, so that no
// list of architectures needs to be kept. Errors: a network without such a module.
template <Element T = float, class Net>
std::string last_feature_map(const Net& net) {
  const detail::LastFeatureMap last;
  net(Tensor<T>({1, 32, 32, 3}));
  for (const ModuleKey& key : module_keys(net))
    if (last.is(key)) return key.name;
  fail("grad_cam: the network has no layer that gives a feature map N H W C");
}

namespace detail {
// The full name of a layer as taps takes it. Where no name is near, the error tells the outermost ones.
inline std::string full_layer_name(const std::vector<ModuleKey>& keys, const std::string& layer) {
  try {
    return find_module(keys, layer).name;
  } catch (const Error& e) {
    std::vector<std::string> all, outermost;
    for (const ModuleKey& key : keys) {
      all.push_back(key.name);
      const std::string name = key.name.substr(0, key.name.find('.'));
      if (!name.empty() && (outermost.empty() || outermost.back() != name)) outermost.push_back(name);
    }
    if (!nearest_name(layer, all).empty()) throw;
    fail(e.what(), suggest(layer, outermost));
  }
}

// Eqs. 1 and 2, sums in double. a, da: 1 H W K; returns H W.
template <Element T>
Tensor<T> weighted_activations(const Tensor<T>& a, const Tensor<T>& da) {
  const std::int64_t pixels = a.size(1) * a.size(2), channels = a.size(3);
  std::vector<double> weight(static_cast<std::size_t>(channels));
  for (std::int64_t p = 0; p < pixels; ++p)
    for (std::int64_t k = 0; k < channels; ++k)
      weight[static_cast<std::size_t>(k)] += static_cast<double>(da.data()[p * channels + k]);
  Tensor<T> map({a.size(1), a.size(2)}, uninitialized);
  T* to = map.mutable_data();
  for (std::int64_t p = 0; p < pixels; ++p) {
    double sum = 0;
    for (std::int64_t k = 0; k < channels; ++k)
      sum += weight[static_cast<std::size_t>(k)] * static_cast<double>(a.data()[p * channels + k]);
    to[p] = static_cast<T>(sum > 0 ? sum / static_cast<double>(pixels) : 0.0);
  }
  return map;
}
}  // namespace detail

// x: 1 H W 3, as the network takes it. Errors: a layer of another name (the nearest is suggested, or all outermost ones
// are told), a layer that gives no feature map, a class that the network has not, a tape that lives on this thread; bad
// data where logits are not finite.
template <class Net, Element T>
GradCam<T> grad_cam(const Net& net, const Tensor<T>& x, const GradCamOptions& options = {}) {
  detail::check_one_photo("grad_cam", x);
  GradCam<T> cam;
  cam.layer =
      options.layer.empty() ? last_feature_map<T>(net) : detail::full_layer_name(module_keys(net), options.layer);
  Tape tape;
  const std::vector<Tensor<T>> y = taps(net, x, {cam.layer, ""});
  if (y[0].rank() != 4)
    fail("grad_cam: layer '", options.layer, "' gives ", y[0].shape(), ", a feature map 1 H W C is wanted");
  cam.logits = y[1];
  cam.index = detail::explained_class("grad_cam", cam.logits, options.index);
  const Gradients gradients = tape.backward(cam.logits, detail::one_logit(cam.logits, cam.index));
  cam.map = detail::weighted_activations(y[0], gradients.of(y[0]));
  return cam;
}

}  // namespace fovea::inline FOVEA_ABI
