// Dropout and stochastic depth of the networks that torchvision trains with them: present while training, with its
// default probabilities, and absent in evaluation.
#include <algorithm>

#include <fovea/models/efficientnet.h>
#include <fovea/models/mobilenet_v2.h>
#include <fovea/models/mobilenet_v3.h>
#include <fovea/nn/init.h>
#include <support/catch.h>

using namespace fovea;

namespace {
bool same(const Tensor<float>& a, const Tensor<float>& b) { return std::ranges::equal(a.values(), b.values()); }

// Nets of the same weights, the second without any random op.
template <class Net, class Options>
void check_random_form(Options options, Options without) {
  options.num_classes = without.num_classes = 5;
  Net net(options), plain(without);
  initialize(net, 1);
  initialize(plain, 1);
  Tensor<float> x({4, 32, 32, 3});
  fill_normal(x, Philox(2), 1);
  CHECK(same(net(x), plain(x)));
  const auto train = [&](const Net& n, std::uint64_t step) {
    Training scope(3, step);
    return n(x);
  };
  CHECK(same(train(plain, 0), train(plain, 1)));
  CHECK(same(train(net, 0), train(net, 0)));
  CHECK_FALSE(same(train(net, 0), train(net, 1)));
}
}  // namespace

TEST_CASE("MobileNets drop features before the classifier, while training only") {
  check_random_form<MobileNetV2<float>>(MobileNetV2Options{}, {.dropout = 0});
  check_random_form<MobileNetV3<float>>(MobileNetV3Options{}, {.dropout = 0});
  CHECK(MobileNetV2Options{}.dropout == 0.2);
  CHECK(MobileNetV3Options{}.dropout == 0.2);
}

TEST_CASE("EfficientNet drops branches ever more often towards its end, while training only") {
  const EfficientNet<float> net;
  CHECK(net.dropout == 0.2);
  std::vector<double> found, wanted;
  for (const auto& stage : net.stages)
    for (const MBConv<float>& block : stage) {
      wanted.push_back(0.2 * static_cast<double>(wanted.size()) / 16);
      found.push_back(block.stochastic_depth);
    }
  CHECK(found.size() == 16);
  CHECK(found == wanted);
  const EfficientNetOptions none = {.dropout = 0, .stochastic_depth = 0};
  check_random_form<EfficientNet<float>>(EfficientNetOptions{.stochastic_depth = 0}, none);
  check_random_form<EfficientNet<float>>(EfficientNetOptions{.dropout = 0}, none);
}
