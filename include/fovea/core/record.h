// record(): the one hook through which every op tells what it did. Layer core.
// A Trace keeps op, attributes and value ids while a net runs once; the gradient tape will hang on the same hook. With
// neither active the hook is one thread-local check.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fovea/core/tensor.h>

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

// Records all ops of this thread while it is alive; traces nest, the innermost records.
class Trace {
 public:
  Trace() : outer_(std::exchange(current_, this)) {}
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

// Called at the end of every op. `attributes` is a function, so that nothing is built unless somebody records.
template <class T, class F>
Tensor<T> record(const char* op, F&& attributes, std::span<const ValueId> inputs, Tensor<T> output) {
  if (Trace* trace = Trace::current())
    trace->add({op, attributes(), {inputs.begin(), inputs.end()}, output.id(), output.shape()});
  return output;
}
template <class T, class F>
Tensor<T> record(const char* op, F&& attributes, std::initializer_list<ValueId> inputs, Tensor<T> output) {
  return record(op, std::forward<F>(attributes), std::span(inputs.begin(), inputs.size()), std::move(output));
}

}  // namespace fovea::inline FOVEA_ABI
