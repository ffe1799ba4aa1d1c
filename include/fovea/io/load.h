// load_into: the tensors of a file into the parameters and buffers of a module, by name. Layer io; read nn/module.h and
// tensor_file.h first. The difference between the two is a value that prints; strict loading raises it as an error, and
// the module is changed only if all went well.
//
//   load_into(net, state_dict(load_weights("resnet18.safetensors")));
//   const LoadReport r = load_into(net, file, {.strict = false});  // a new head: takes what fits
//   std::cerr << r;
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <fovea/io/tensor_file.h>
#include <fovea/nn/module.h>

namespace fovea::inline FOVEA_ABI {

struct LoadOptions {
  bool strict = true;  // missing, unexpected or mismatched tensors are an error
};

struct LoadReport {
  std::string file;
  std::vector<std::string> matched;     // names
  std::vector<std::string> missing;     // "NAME SHAPE": in the network, not in the file
  std::vector<std::string> unexpected;  // "NAME SHAPE": in the file, not in the network
  std::vector<std::string> mismatched;  // "NAME: what the file has and what the network wants"

  bool clean() const { return missing.empty() && unexpected.empty() && mismatched.empty(); }

  friend std::ostream& operator<<(std::ostream& out, const LoadReport& r) {
    out << r.file << (r.clean() ? " fits the network: " : " does not fit the network: ") << r.matched.size()
        << " tensors match, " << r.missing.size() << " are missing, " << r.unexpected.size() << " unexpected, "
        << r.mismatched.size() << " of another shape or type";
    const auto list = [&out](const char* what, const std::vector<std::string>& lines) {
      constexpr std::size_t kShown = 12;
      for (std::size_t i = 0; i < lines.size() && i < kShown; ++i) out << "\n  " << what << lines[i];
      if (lines.size() > kShown) out << "\n  " << what << "... and " << lines.size() - kShown << " more";
    };
    list("missing     ", r.missing);
    list("unexpected  ", r.unexpected);
    list("mismatched  ", r.mismatched);
    return out;
  }
};

namespace detail {

// Values convert between floating types; integers (quantized weights, counters) only load as what they are.
template <class T>
bool loads_as(DType dtype) {
  const bool floating = dtype == DType::f32 || dtype == DType::f64 || dtype == DType::f16 || dtype == DType::bf16;
  return dtype == dtype_of<T> || (floating && is_floating<T>);
}

// torchvision's batch norms count their batches; inference does not.
inline bool is_batch_counter(std::string_view name) {
  constexpr std::string_view counter = "num_batches_tracked";
  return name == counter || name.ends_with(".num_batches_tracked");
}

struct FileIndex {
  struct Entry {
    const AnyTensor* tensor = nullptr;  // null: opaque
    const OpaqueTensor* opaque = nullptr;
    bool used = false;
  };
  std::unordered_map<std::string_view, Entry> by_name;

  explicit FileIndex(const TensorFile& file) {
    for (const auto& [name, t] : file.tensors) by_name[name].tensor = &t;
    for (const auto& [name, t] : file.opaque) by_name[name].opaque = &t;
  }
  void report_unexpected(const TensorFile& file, LoadReport& report) const {
    const auto add = [&](const std::string& name, const std::string& line) {
      if (!by_name.at(name).used && !is_batch_counter(name)) report.unexpected.push_back(line);
    };
    for (const auto& [name, t] : file.tensors) add(name, to_text(name, " ", t.shape()));
    for (const auto& [name, t] : file.opaque) add(name, to_text(name, " ", t.dtype));
  }
};

// What keeps the entry from loading into a tensor of T and `shape`; empty if nothing does.
template <class T>
std::string mismatch(const FileIndex::Entry& e, const Shape& shape) {
  if (!e.tensor) return to_text("the file has ", e.opaque->dtype, ", which cannot be read");
  if (e.tensor->shape() == shape && loads_as<T>(e.tensor->dtype())) return {};
  return to_text("the file has ", e.tensor->dtype(), " ", e.tensor->shape(), ", the network wants ", dtype_of<T>, " ",
                shape);
}

}  // namespace detail

// Works on any module (static visit). A tensor of the module's own element type shares the file's storage; other
// floating types are converted. Errors: bad_data with the printed report (strict), io if the mapped file was cut short.
template <class Module>
LoadReport load_into(Module& module, const TensorFile& file, const LoadOptions& options = {}) {
  LoadReport report{file.path, {}, {}, {}, {}};
  detail::FileIndex index(file);
  for_each_tensor(module, [&]<class T>(const std::string& name, Tensor<T>& t, bool) {
    const auto found = index.by_name.find(name);
    if (found == index.by_name.end()) return report.missing.push_back(to_text(name, " ", t.shape()));
    found->second.used = true;
    const std::string why = detail::mismatch<T>(found->second, t.shape());
    if (why.empty())
      report.matched.push_back(name);
    else
      report.mismatched.push_back(to_text(name, ": ", why));
  });
  index.report_unexpected(file, report);
  if (options.strict && !report.clean()) fail_as(Code::bad_data, report);

  std::vector<std::function<void()>> assign;  // after all conversions, which may fail
  for_each_tensor(module, [&]<class T>(const std::string& name, Tensor<T>& t, bool) {
    const auto found = index.by_name.find(name);
    if (found == index.by_name.end() || !detail::mismatch<T>(found->second, t.shape()).empty()) return;
    Tensor<T> value = found->second.tensor->template to<T>();
    value.storage().set_label(found->second.tensor->storage().label());
    assign.push_back([&t, value = std::move(value)] { t = value; });
  });
  file.check();
  for (const auto& f : assign) f();
  return report;
}

// The parameters and buffers of a module by name, shared: what save_safetensors writes.
template <class Module>
NamedTensors named_tensors(const Module& module) {
  NamedTensors out;
  for_each_tensor(module, [&](const std::string& name, const auto& t, bool) { out.emplace_back(name, t); });
  return out;
}

}  // namespace fovea::inline FOVEA_ABI
