// The same bits whatever the number of threads; and for direct fp32 convolutions, AVX2 = AVX-512.
#include <cstring>

#include <fovea/core/cpu.h>
#include <fovea/core/parallel_for.h>
#include <fovea/models/create.h>
#include <models/formula.h>
#include <support/catch.h>
#include <support/support.h>

namespace fovea {
namespace {
using namespace test;

bool same_bits(const Tensor<float>& a, const Tensor<float>& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.values().size_bytes()) == 0;
}

AnyNet formula_net(const char* name) {
  AnyNet net = models::create(name);
  fill_by_formula(net, 1.0);
  return net;
}

struct RestoreThreads {
  int count = thread_count();
  ~RestoreThreads() { set_thread_count(count); }
};
struct RestoreIsa {
  Isa cap = isa_cap();
  ~RestoreIsa() { cap_isa(cap); }
};

// Small images: every kernel of the network runs, and the whole stays fast.
TEST_CASE("logits are bitwise the same with 1, 2 and 7 threads") {
  const RestoreThreads restore;
  for (const std::string& name : models::names()) {
    if (name == "resnet101" || name == "resnet152" || name == "resnet110") continue;  // the same kernels, more of them
    CAPTURE(name);
    const AnyNet net = formula_net(name.c_str());
    const Tensor<float> x = formula_input(2, 64, 64);
    set_thread_count(1);
    const Tensor<float> one = net(x);
    for (const int threads : {2, 7}) {
      CAPTURE(threads);
      set_thread_count(threads);
      CHECK(same_bits(net(x), one));
    }
  }
}

TEST_CASE("logits are bitwise the same on AVX2 and on AVX-512") {
  if (!needs("avx512")) return;
  const RestoreIsa restore;
  for (const char* name : {"resnet20", "mobilenet_v2"}) {
    CAPTURE(name);
    const AnyNet net = formula_net(name);
    const Tensor<float> x = formula_input(1, 64, 64);
    cap_isa(Isa::avx512);
    const Tensor<float> wide = net(x);
    cap_isa(Isa::avx2);
    CHECK(same_bits(net(x), wide));
  }
}

}  // namespace
}  // namespace fovea
