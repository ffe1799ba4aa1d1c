// checkpoint(f, x): f(x) without keeping what f computes inside; the way back runs f again (Chen, Xu, Zhang and
// Guestrin, "Training deep nets with sublinear memory cost", 2016). Layer core; read tape.h first.
#pragma once

#include <optional>
#include <utility>

#include <fovea/core/record.h>
#include <fovea/core/training.h>

namespace fovea::inline FOVEA_ABI {

// f: Tensor<T> -> Tensor<U>, which gives the same result each time; it is copied, and modules that it refers to must
// live until the backward pass. Random numbers are replayed and statistics of batch norm are filed once, so results and
// gradients have the bits of f(x).
template <class F, class T>
auto checkpoint(F f, const Tensor<T>& x) {
  const Training* scope = Training::current();
  const std::optional<Training::State> state = scope ? std::optional(scope->state()) : std::nullopt;
  Tape* tape = Tape::current();
  if (!tape) return f(x);
  auto y = [&] {
    const NoTape pause;
    return f(x).detach();
  }();
  using U = typename decltype(y)::value_type;
  tape->add("checkpoint", y.id(), dtype_of<U>, y.shape(),
            [f = std::move(f), x = Saved<T>(x, "checkpoint: input"), state](Gradients& g, const AnyTensor& dy) {
              std::optional<Training> replay;
              if (state) replay.emplace(*state);
              Tape inner(g);
              const Tensor<T> input = x.get();
              if (g.wants(input.id())) inner.watch(input);
              const Tensor<U> again = f(input);
              if (inner.wants(again.id())) g.add_all(inner.backward(again, dy.as<U>()));
            });
  return y;
}

}  // namespace fovea::inline FOVEA_ABI
