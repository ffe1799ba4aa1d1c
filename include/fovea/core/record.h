// record(): the one hook through which every op tells what it did. Layer core; read tape.h first.
// A Trace keeps op, attributes and value ids while a net runs once; a Tape keeps the way back. With neither alive the
// hook is two thread-local checks.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fovea/core/tape.h>
#include <fovea/core/tensor.h>
#include <fovea/core/training.h>

namespace fovea::inline FOVEA_ABI {

// What an op was asked for, never a size that it computed.
using Attribute = std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>>;
using Attributes = std::vector<std::pair<std::string, Attribute>>;

struct Record {
  std::string op;
  Attributes attributes;
  std::vector<ValueId> inputs;
  ValueId output = 0;
  Shape shape;  // of the output
};

namespace detail {
void record_view(const ViewRecord& v);
}

// Records all ops of this thread while it is alive; traces nest, the innermost records.
class Trace {
 public:
  Trace() : outer_(current_) {
    if (Training::current()) fail("Trace: inside a Training scope; a trace is of a net in its evaluation form");
    current_ = this;
    detail::on_view = detail::record_view;
  }
  ~Trace() { current_ = outer_; }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  static Trace* current() { return current_; }
  const std::vector<Record>& records() const { return records_; }
  void add(Record r) { records_.push_back(std::move(r)); }

 private:
  static inline thread_local Trace* current_ = nullptr;
  Trace* outer_;
  std::vector<Record> records_;
};

namespace detail {
// dx of a view: zeros, and dy's elements in their place.
inline AnyTensor view_gradient(DType dtype, const Shape& x_shape, std::int64_t first, const AnyTensor& dy) {
  if (x_shape.numel() == dy.numel())
    return AnyTensor(dtype, x_shape, dy.shared_storage(), dy.data() - dy.storage().data());
  AnyTensor dx = AnyTensor::zeros(dtype, x_shape);
  if (dy.bytes() > 0)
    std::memcpy(dx.mutable_data() + static_cast<std::size_t>(first) * size_of(dtype), dy.data(), dy.bytes());
  return dx;
}

// Tensor's own views and clones (core/tensor.h) reach trace and tape here.
inline void record_view(const ViewRecord& v) {
  const bool is_view = std::strcmp(v.op, "view") == 0;
  if (Trace* trace = Trace::current()) {
    Attributes attributes;
    if (!v.asked.empty())
      attributes.emplace_back(is_view ? "range" : "shape", std::vector<std::int64_t>(v.asked.begin(), v.asked.end()));
    trace->add({v.op, std::move(attributes), {v.x}, v.y, v.y_shape});
  }
  if (Tape* tape = Tape::current(); tape && tape->wants(v.x))
    tape->add(v.op, v.y, v.dtype, v.y_shape,
              [x = v.x, dtype = v.dtype, shape = v.x_shape, first = v.first](Gradients& g, const AnyTensor& dy) {
                g.add(x, view_gradient(dtype, shape, first, dy));
              });
}

// FOVEA_CHECK=finite: what no earlier op gave. The way back looks at gradients itself, and names whose they are.
inline void check_output(const char* op, std::span<const ValueId> inputs, const AnyTensor& output) {
  if (Tape::running_back()) return;
  std::string names;
  if (const Tape* tape = Tape::current())
    for (const ValueId x : inputs)
      if (const std::string& name = tape->name(x); !name.empty()) names += (names.empty() ? " with " : ", ") + name;
  require_finite(to_text(op, names).c_str(), "its output", output,
                 "; no op before gave such a value: it comes from this op, or from a photo or target that went in");
}
inline bool any_wanted(const Tape& tape, std::span<const ValueId> inputs) {
  for (const ValueId x : inputs)
    if (tape.wants(x)) return true;
  return false;
}
}  // namespace detail

// Called at the end of every op; returns `output`. `attributes` is a function, so that nothing is built unless somebody
// records. backward(gradients, dy) is kept only if an input depends on a watched value, and called with the gradient of
// the output, of its type and shape, if there is one. It holds what its formula reads and nothing else (Saved), and
// asks gradients.wants(input) before it computes. With FOVEA_CHECK=finite an output that has a NaN or infinity is an
// error: the first op to make one is named.
template <class T, class F, class B>
Tensor<T> record(const char* op, F&& attributes, std::span<const ValueId> inputs, Tensor<T> output, B&& backward) {
  if (detail::check_finite()) detail::check_output(op, inputs, output);
  if (Trace* trace = Trace::current())
    trace->add({op, attributes(), {inputs.begin(), inputs.end()}, output.id(), output.shape()});
  if (Tape* tape = Tape::current(); tape && detail::any_wanted(*tape, inputs))
    tape->add(
        op, output.id(), dtype_of<T>, output.shape(),
        [back = std::forward<B>(backward)](Gradients& gradients, const AnyTensor& dy) { back(gradients, dy.as<T>()); });
  return output;
}
template <class T, class F, class B>
Tensor<T> record(const char* op, F&& attributes, std::initializer_list<ValueId> inputs, Tensor<T> output,
                 B&& backward) {
  return record(op, std::forward<F>(attributes), std::span(inputs.begin(), inputs.size()), std::move(output),
                std::forward<B>(backward));
}
// An op without a gradient: integers out of it depend on nothing (argmax); floating values of a watched one are an
// error.
template <class T, class F>
Tensor<T> record(const char* op, F&& attributes, std::initializer_list<ValueId> inputs, Tensor<T> output) {
  const Tape* tape = Tape::current();
  if (is_floating<T> && tape && detail::any_wanted(*tape, {inputs.begin(), inputs.size()}))
    fail(op, ": has no gradient, and its input depends on a watched value; detach() it, or pause with NoTape");
  return record(op, std::forward<F>(attributes), std::span(inputs.begin(), inputs.size()), std::move(output),
                [](Gradients&, const Tensor<T>&) {});
}

}  // namespace fovea::inline FOVEA_ABI
