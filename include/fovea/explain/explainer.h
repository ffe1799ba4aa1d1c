// explain(): why a classifier says what it says of a photo, as a heat map over it. Layer explain; read
// image/classifier.h first, then the method: gradcam.h, integrated_gradients.h, occlusion.h.
//
//   const Explanation e = explain(classifier, load_image("cat.jpg").pixels, {.method = "gradcam"});
//   save_png("heat.png", e.heat);
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fovea/core/suggest.h>
#include <fovea/explain/gradcam.h>
#include <fovea/explain/heat.h>
#include <fovea/explain/integrated_gradients.h>
#include <fovea/explain/occlusion.h>
#include <fovea/image/classifier.h>

namespace fovea::inline FOVEA_ABI {

// Grad-CAM (a pass and a half), integrated gradients (64 steps to 64 + 128 + ... + 1,024 = 1,984, of three passes each:
// seconds to minutes), occlusion (169 passes at 224 x 224).
inline constexpr std::string_view kExplainMethods[] = {"gradcam", "ig", "occlusion"};

struct ExplainOptions {
  std::string method = "gradcam";                    // one of kExplainMethods
  std::optional<std::int64_t> index = std::nullopt;  // class; none: the most probable
  std::string layer = {};                            // of gradcam; empty: last_feature_map
  int max_steps = 1024;                     // of ig: fewer end sooner, perhaps with a larger Explanation::error
  const std::atomic<bool>* stop = nullptr;  // set by another thread, it ends the work after the pass that runs
  ExplainProgress progress = {};            // after each step of ig and each 16 squares of occlusion
};

struct Explanation {
  std::string method;
  std::int64_t index = 0;              // the class explained
  std::string name;                    // of the class
  float probability = 0;               // of the class, 0..1
  std::int64_t width = 0, height = 0;  // of the heat
  Tensor<std::uint8_t> heat;  // H W 1, the upright photo's aspect, long side <= 512; 255 where the map drawn is largest
  std::string layer;          // gradcam: in full, "layer4.2"
  int steps = 0;              // ig: of the midpoint rule
  double error = 0;           // ig: |sum of attributions - logit difference| / |logit difference|, finite
};

namespace detail {

// The classifier as the methods want it: a network that can be stopped, whose weight file is looked at after each run.
struct CheckedNet {
  const Classifier& classifier;
  const std::atomic<bool>* stop;
  void check_wanted() const {
    if (stop && stop->load()) fail_as(Code::unavailable, "explain: stopped");
  }
  Tensor<float> operator()(const Tensor<float>& x) const {
    check_wanted();
    return classifier.logits(x);
  }
};
inline std::vector<ModuleKey> module_keys(const CheckedNet& net) { return module_keys(net.classifier.net()); }

// The map over the network's input, and the logits of the photo.
struct MapAndLogits {
  Tensor<float> map, logits;
};

inline MapAndLogits explain_by_gradcam(const CheckedNet& net, const Tensor<float>& x, const ExplainOptions& options,
                                       Explanation& e) {
  const GradCam<float> cam = grad_cam(net, x, {.index = options.index, .layer = options.layer});
  e.index = cam.index, e.layer = cam.layer;
  return {cam.map, cam.logits};
}

// The baseline is the black photo: pixels 0 before the normalisation.
inline MapAndLogits explain_by_ig(const CheckedNet& net, const Tensor<float>& x, const ExplainOptions& options,
                                  Explanation& e) {
  const Tensor<float> black =
      normalize(Tensor<std::uint8_t>({x.size(1), x.size(2), 3}), net.classifier.preprocessing()).reshape(x.shape());
  const IntegratedGradients<float> ig = integrated_gradients(net, x, black,
                                                             {.index = options.index,
                                                              .steps = std::min(64, options.max_steps),
                                                              .max_steps = options.max_steps,
                                                              .progress = options.progress});
  e.index = ig.index, e.steps = ig.steps, e.error = ig.error;
  const std::int64_t radius = std::min(x.size(1), x.size(2)) / 28;  // windows of 17 pixels at 224
  return {smoothed(smoothed(pixel_attributions(ig.attributions), radius), radius), ig.logits};
}

inline MapAndLogits explain_by_occlusion(const CheckedNet& net, const Tensor<float>& x, const ExplainOptions& options,
                                         Explanation& e) {
  const auto without_gradients = [&](const Tensor<float>& photos) {
    net.check_wanted();
    return net.classifier.infer(photos);
  };
  const Occlusion<float> o = occlusion(without_gradients, x, {.index = options.index, .progress = options.progress});
  e.index = o.index;
  return {o.map, o.logits};
}

}  // namespace detail

// pixels: upright H W 3. Safe from several threads. Errors: a thread on which a tape lives; those of preprocess; an
// unknown method or layer, with the nearest; a class that the network has not; a layer named for a method that has
// none; no steps; bad data where the network's logits are not finite; Code::unavailable if it was stopped.
inline Explanation explain(const Classifier& classifier, const Image& pixels, const ExplainOptions& options = {}) {
  const auto known = std::find(std::begin(kExplainMethods), std::end(kExplainMethods), options.method);
  if (known == std::end(kExplainMethods))
    fail("explain: unknown method '", options.method, "'", suggest(options.method, kExplainMethods));
  if (!options.layer.empty() && options.method != "gradcam")
    fail("explain: layer '", options.layer, "' is named, but only gradcam looks at one; ", options.method,
         " explains the photo itself");
  if (Tape::current()) fail("explain: a tape lives on this thread; explain outside of its scope");
  const Tensor<float> input = preprocess(pixels, classifier.preprocessing());
  const Tensor<float> x = input.reshape({1, input.size(0), input.size(1), 3});
  const detail::CheckedNet net{classifier, options.stop};
  Explanation e;
  e.method = options.method;
  const auto method = options.method == "gradcam" ? detail::explain_by_gradcam
                      : options.method == "ig"    ? detail::explain_by_ig
                                                  : detail::explain_by_occlusion;
  const detail::MapAndLogits result = method(net, x, options, e);
  e.name = classifier.class_name(e.index);
  e.probability = softmax(result.logits).data()[e.index];
  e.heat = heat_picture(result.map, {pixels.size(1), pixels.size(0)}, classifier.preprocessing());
  e.height = e.heat.size(0), e.width = e.heat.size(1);
  return e;
}

}  // namespace fovea::inline FOVEA_ABI
