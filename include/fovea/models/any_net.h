// AnyNet: a classifier whose architecture is known at run time only. Layer models; made by models/create.h.
// It is a module like any other: it runs, for_each_tensor visits it, so loading and counting need nothing special.
// Copies share the network.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fovea/models/options.h>
#include <fovea/nn/module.h>
#include <fovea/nn/summary.h>

namespace fovea::inline FOVEA_ABI {

namespace models {
// How photos are prepared for the architecture's published weights: short side resized to `resize`, centre crop of
// `crop` pixels, then (u8 / 255 - mean) / std per channel, RGB.
struct Published {
  int resize = 256, crop = 224;
  std::array<double, 3> mean = {0.485, 0.456, 0.406};
  std::array<double, 3> std = {0.229, 0.224, 0.225};
  const char* interpolation = "bilinear";  // antialiased
};
}  // namespace models

class AnyNet {
 public:
  // Takes over a network of fovea/models.
  template <class Net>
  AnyNet(std::string name, models::Options options, models::Published published, Net net)
      : name_(std::move(name)),
        options_(std::move(options)),
        published_(published),
        net_(std::make_shared<Holder<Net>>(std::move(net))) {}

  // x: N H W 3, normalised -> logits N num_classes. Safe from several threads.
  Tensor<float> operator()(const Tensor<float>& x) const { return net_->run(x); }

  const std::string& name() const { return name_; }
  // All options of the architecture, defaults too.
  const models::Options& options() const { return options_; }
  const models::Published& published() const { return published_; }

  Summary summary(const Shape& input) const { return net_->summary(input); }
  std::vector<ModuleKey> module_keys() const { return net_->module_keys(); }

  static void visit(auto&& self, auto&& v) {
    self.net_->tensors([&](const std::string& name, Tensor<float>& t, bool is_buffer) {
      std::conditional_t<std::is_const_v<std::remove_reference_t<decltype(self)>>, const Tensor<float>, Tensor<float>>&
          tensor = t;
      if (is_buffer)
        v.buffer(name, tensor);
      else
        v.parameter(name, tensor);
    });
  }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual Tensor<float> run(const Tensor<float>& x) const = 0;
    virtual void tensors(const std::function<void(const std::string&, Tensor<float>&, bool)>& f) = 0;
    virtual Summary summary(const Shape& input) const = 0;
    virtual std::vector<ModuleKey> module_keys() const = 0;
  };
  template <class Net>
  struct Holder : Interface {
    explicit Holder(Net n) : net(std::move(n)) {}
    Tensor<float> run(const Tensor<float>& x) const override { return net(x); }
    void tensors(const std::function<void(const std::string&, Tensor<float>&, bool)>& f) override {
      for_each_tensor(net, f);
    }
    Summary summary(const Shape& input) const override { return fovea::summary(net, input); }
    std::vector<ModuleKey> module_keys() const override { return fovea::module_keys(net); }
    Net net;
  };

  std::string name_;
  models::Options options_;
  models::Published published_;
  std::shared_ptr<Interface> net_;
};

// The free functions of nn, for a network behind its erased type.
inline Summary summary(const AnyNet& net, const Shape& input) { return net.summary(input); }
inline std::vector<ModuleKey> module_keys(const AnyNet& net) { return net.module_keys(); }

}  // namespace fovea::inline FOVEA_ABI
