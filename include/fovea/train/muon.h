// Muon: momentum whose matrix is replaced by a nearly orthogonal one (Jordan et al. 2024, "Muon: an optimizer for
// hidden layers in neural networks"; decay as in arXiv:2502.16982). Layer train; read sgd.h first.
//
// Matrices, and filters O I KH KW as the matrix O x (I KH KW) of R rows and C columns:
//   m = momentum m + (1 - momentum) g;  u = momentum m + (1 - momentum) g with nesterov, else m
//   p = (1 - lr weight_decay) p - lr sqrt(max(1, R / C)) orthogonalize(u)
// Vectors (norms, biases): v = momentum v + g, p -= lr v. The first convolution and the classifier are usually given to
// another optimizer: step() reads the gradients of its own parameters only, so two share one Gradients.
#pragma once

#include <algorithm>

#include <fovea/core/tape.h>
#include <fovea/ops/linear.h>
#include <fovea/train/optimizer.h>

namespace fovea::inline FOVEA_ABI {

struct MuonOptions {
  double lr = 1e-3;
  double weight_decay = 0.1;
  double momentum = 0.95;
  bool nesterov = true;
  std::array<double, 3> ns_coefficients = {3.4445, -4.7750, 2.0315};
  double eps = 1e-7;
  int ns_steps = 5;
};

namespace detail {
template <class T>
Tensor<T> transposed(const Tensor<T>& x) {
  const std::int64_t rows = x.size(0), columns = x.size(1);
  Tensor<T> y({columns, rows}, uninitialized);
  const T* from = x.data();
  T* to = y.mutable_data();
  constexpr std::int64_t kTile = 32;  // a tile of both fits the first cache
  parallel_for((columns + kTile - 1) / kTile,
               std::max<std::int64_t>(1, kUpdateGrain / (kTile * std::max<std::int64_t>(1, rows))),
               [=](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t tile = begin; tile < end; ++tile)
                   for (std::int64_t r0 = 0; r0 < rows; r0 += kTile)
                     for (std::int64_t c = tile * kTile; c < std::min(columns, (tile + 1) * kTile); ++c)
                       for (std::int64_t r = r0; r < std::min(rows, r0 + kTile); ++r)
                         to[c * rows + r] = from[r * columns + c];
               });
  return y;
}

// a x + b y, in x's place.
template <class T>
void mix(double a, Tensor<T>& x, double b, const Tensor<T>& y) {
  const T of_x = static_cast<T>(a), of_y = static_cast<T>(b);
  update_elements<T, 0>(x.numel(), x.mutable_data(), y.data(), {}, [=](T& p, T q) { p = of_x * p + of_y * q; });
}

// Newton-Schulz steps towards the nearest matrix whose singular values are 1 (they end near 0.7 to 1.2):
// X = u / max(|u|, eps), then A = X X', X = a X + (b A + c A A) X. u: R x C, the shorter side as rows.
// The products run on the kernels of linear, which computes x weight'.
template <class T>
Tensor<T> newton_schulz(Tensor<T> u, const MuonOptions& o) {
  const NoTape pause;
  Tensor<T> x(u.shape());
  mix(0, x, 1 / std::max(norm_of(u.numel(), u.data()), o.eps), u);
  const auto [a, b, c] = o.ns_coefficients;
  for (int i = 0; i < o.ns_steps; ++i) {
    Tensor<T> inner = linear(x, x);
    const Tensor<T> square = linear(inner, inner);  // symmetric, so its transpose is itself
    mix(b, inner, c, square);
    mix(a, x, 1, linear(inner, transposed(x)));
  }
  return x;
}
}  // namespace detail

// The nearly orthogonal matrix of u (R x C). Errors: another rank.
template <class T>
Tensor<T> orthogonalize(const Tensor<T>& u, const MuonOptions& options = {}) {
  if (u.rank() != 2) fail("orthogonalize: ", u.shape(), " has ", u.rank(), " dimensions, a matrix is wanted");
  if (u.numel() == 0) return u.clone();
  const bool tall = u.size(0) > u.size(1);
  const Tensor<T> x = detail::newton_schulz(tall ? detail::transposed(u) : u, options);
  return tall ? detail::transposed(x) : x;
}

// State: momentum_buffer.
class Muon final : public Optimizer {
 public:
  explicit Muon(ParameterGroups parameters, const MuonOptions& options = {})
      : Optimizer("Muon", std::move(parameters), options.lr, options.weight_decay), o_(options) {
    check_fraction("momentum", o_.momentum);
    check_at_least_0("eps", o_.eps);
    if (o_.ns_steps < 0 || o_.ns_steps > 100) fail("Muon: ns_steps is ", o_.ns_steps, ", 0 to 100 is wanted");
    add_state("momentum_buffer");
  }
  void set_momentum(double momentum) override { o_.momentum = check_fraction("momentum", momentum); }

 private:
  void update(Slot& s, const AnyTensor& gradient) override {
    with_type(s, [&]<class T>(T) {
      const T lr = static_cast<T>(lr_of(s)), momentum = static_cast<T>(o_.momentum);
      if (s.parameter.shape().rank() >= 2) return update_matrix<T>(s, gradient);
      arrays<T, 1>(s, gradient).each([=](T& p, T g, T& v) {
        v = momentum * v + g;
        p -= lr * v;
      });
    });
  }

  template <class T>
  void update_matrix(Slot& s, const AnyTensor& gradient) {
    const std::int64_t rows = s.parameter.shape()[0], columns = rows == 0 ? 0 : s.parameter.numel() / rows;
    if (columns == 0) return;
    const auto a = arrays<T, 1>(s, gradient);
    const T momentum = static_cast<T>(o_.momentum), rate = static_cast<T>(1 - o_.momentum);
    Tensor<T> u({rows, columns}, uninitialized);
    detail::update_elements<T, 1>(a.n, u.mutable_data(), a.g, a.state, [=, nesterov = o_.nesterov](T& d, T g, T& m) {
      m = momentum * m + rate * g;
      d = nesterov ? momentum * m + rate * g : m;
    });
    const double lr = lr_of(s), tall = std::max(1.0, static_cast<double>(rows) / static_cast<double>(columns));
    const T keep = static_cast<T>(1 - lr * weight_decay_of(s)), size = static_cast<T>(lr * std::sqrt(tall));
    const Tensor<T> x = orthogonalize(u, o_);
    detail::update_elements<T, 0>(a.n, a.p, x.data(), {}, [=](T& p, T d) { p = keep * p - size * d; });
  }

  MuonOptions o_;
};

}  // namespace fovea::inline FOVEA_ABI
