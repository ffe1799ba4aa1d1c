// summary(net, shape): what torchinfo prints: the tree of modules with output shapes, parameters and multiply-adds.
// Layer nn; read nn/module.h first.
//
//   std::cout << summary(net, {1, 224, 224, 3});
#pragma once

#include <cstdio>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fovea/core/format.h>
#include <fovea/nn/module.h>

namespace fovea::inline FOVEA_ABI {

struct SummaryRow {
  std::string name, type;       // the name within its parent, "conv1"; "Conv2d"
  int depth = 0;                // 0: the network itself
  bool last = false;            // among its siblings
  std::optional<Shape> output;  // of its last call; none if it never ran
  std::int64_t parameters = 0;  // its own, not its members'
  std::int64_t macs = 0;        // multiply-adds of its own, over all calls
};

struct Summary {
  std::vector<SummaryRow> rows;  // parents before their members
  Shape input;
  std::int64_t parameters = 0;
  std::int64_t macs = 0;
  std::int64_t bytes_an_element = 4;  // of the activations
  std::int64_t parameter_bytes = 0;
};

namespace detail {
// "Conv2d" of fovea::...::Conv2d<float>, without RTTI.
template <class M>
std::string type_name() {
  const std::string_view text =
      __PRETTY_FUNCTION__;  // "... [with M = fovea::...::Conv2d<float>; ...]", clang: "[M = ...]"
  const std::size_t begin = text.find("M = ") + 4;
  std::string_view name = text.substr(begin, text.find_first_of("<;]", begin) - begin);
  if (const std::size_t colon = name.rfind("::"); colon != std::string_view::npos) name.remove_prefix(colon + 2);
  return std::string(name);
}

template <class M>
concept CountsMacs = requires(const M& m, const Shape& y) {
  m.macs(y);
};

// Parameters that the module holds itself: the visit of members is ignored.
struct OwnParameters {
  std::int64_t& count;
  void parameter(const std::string&, const auto& t) const { count += t.numel(); }
  void buffer(const std::string&, const auto&) const {}
  void operator()(auto&&...) const {}
};

// Fills output shapes and multiply-adds while the network runs once.
class SummaryObserver : public ModuleObserver {
 public:
  explicit SummaryObserver(Summary& summary) : summary_(summary) {}

  template <class M>
  void add(const std::string& full_name, const M& module) {
    while (!open_.empty() && !is_member(full_name, open_.back())) open_.pop_back();
    const std::size_t skip = open_.empty() || open_.back().empty() ? 0 : open_.back().size() + 1;
    SummaryRow row;
    row.name = full_name.substr(skip);
    row.type = type_name<M>();
    row.depth = static_cast<int>(open_.size());
    M::visit(module, OwnParameters{row.parameters});
    open_.push_back(full_name);
    keys_[{&module, module_type(module)}] = summary_.rows.size();
    summary_.rows.push_back(std::move(row));
    if constexpr (CountsMacs<M>) {
      counters_.push_back({&module, [](const void* m, const Shape& y) { return static_cast<const M*>(m)->macs(y); }});
    } else {
      counters_.push_back({});
    }
  }

  void on_output(const void* module, const void* type, const AnyTensor& y) override {
    const auto found = keys_.find({module, type});
    if (found == keys_.end()) return;
    SummaryRow& row = summary_.rows[found->second];
    const Counter& counter = counters_[found->second];
    row.output = y.shape();
    if (counter.macs) row.macs += counter.macs(counter.module, y.shape());
  }

 private:
  struct Counter {
    const void* module = nullptr;
    std::int64_t (*macs)(const void* module, const Shape& y) = nullptr;
  };
  static bool is_member(const std::string& name, const std::string& parent) {
    return parent.empty() || (name.size() > parent.size() && name.starts_with(parent) && name[parent.size()] == '.');
  }
  Summary& summary_;
  std::vector<std::string> open_;  // full names from the network down to the row added last; the network's is empty
  std::map<std::pair<const void*, const void*>, std::size_t> keys_;
  std::vector<Counter> counters_;
};

inline void mark_last_siblings(std::vector<SummaryRow>& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::size_t next = i + 1;
    while (next < rows.size() && rows[next].depth > rows[i].depth) ++next;
    rows[i].last = next == rows.size() || rows[next].depth < rows[i].depth;
  }
}

// Two decimals with a decimal prefix: "4.09 G".
inline std::string with_prefix(std::int64_t n) {
  const double value = static_cast<double>(n);
  char text[32];
  if (n >= 1'000'000'000)
    std::snprintf(text, sizeof text, "%.2f G", value * 1e-9);
  else if (n >= 1'000'000)
    std::snprintf(text, sizeof text, "%.2f M", value * 1e-6);
  else
    std::snprintf(text, sizeof text, "%.2f k", value * 1e-3);
  return text;
}
}  // namespace detail

// Runs `net` once on zeros of the shape `input` (N H W C). Works for every module whose operator() takes one Tensor<T>.
template <class T = float, class M>
Summary summary(const M& net, const Shape& input) {
  Summary s;
  s.input = input;
  s.bytes_an_element = sizeof(T);
  detail::SummaryObserver observer(s);
  observer.add("", net);
  for_each_module(net, [&](const std::string& name, const auto& module) { observer.add(name, module); });
  net(Tensor<T>(input));
  detail::mark_last_siblings(s.rows);
  for_each_tensor(net, [&](const std::string&, const auto& t, bool is_buffer) {
    if (!is_buffer) s.parameters += t.numel(), s.parameter_bytes += static_cast<std::int64_t>(t.values().size_bytes());
  });
  for (const SummaryRow& row : s.rows) s.macs += row.macs;
  return s;
}

// The tree as text, one module a line, then the totals. "--": the module has none of its own.
inline std::ostream& operator<<(std::ostream& out, const Summary& s) {
  std::vector<std::pair<std::string, std::size_t>> labels;  // with the width in columns: a branch is one column a sign
  std::vector<bool> open;                                   // at each depth: more siblings follow
  std::size_t width = 24;
  for (const SummaryRow& row : s.rows) {
    std::string label;
    for (int d = 1; d < row.depth; ++d) label += open[static_cast<std::size_t>(d)] ? "│  " : "   ";
    if (row.depth > 0) label += row.last ? "└─ " : "├─ ";
    open.resize(static_cast<std::size_t>(row.depth) + 1);
    open[static_cast<std::size_t>(row.depth)] = !row.last;
    const std::string text = row.name.empty() ? row.type : row.name + " (" + row.type + ")";
    const std::size_t columns = static_cast<std::size_t>(3 * row.depth) + text.size();
    width = std::max(width, columns);
    labels.emplace_back(label + text, columns);
  }
  const auto left = [&](const std::string& text, std::size_t columns, std::size_t wanted) {
    out << text << std::string(wanted - std::min(columns, wanted) + 2, ' ');
  };
  const auto right = [&](const std::string& text, std::size_t wanted) {
    out << std::string(wanted - std::min(text.size(), wanted), ' ') << text;
  };
  const auto dash_or = [](std::int64_t n) { return n == 0 ? std::string("--") : grouped(n); };
  const std::string rule(width + 2 + 20 + 2 + 12 + 2 + 15, '=');
  const std::string title = "Layer (type)";
  left(title, title.size(), width);
  out << "Output shape            Parameters             MACs\n" << rule << '\n';
  for (std::size_t i = 0; i < s.rows.size(); ++i) {
    const SummaryRow& row = s.rows[i];
    const std::string shape = row.output ? to_text(*row.output) : "--";
    left(labels[i].first, labels[i].second, width);
    left(shape, shape.size(), 20);
    right(dash_or(row.parameters), 12);
    out << "  ";
    right(dash_or(row.macs), 15);
    out << '\n';
  }
  out << rule << "\nParameters  " << grouped(s.parameters) << " (" << file_size(static_cast<double>(s.parameter_bytes))
      << ")\nMACs        " << grouped(s.macs) << " (" << detail::with_prefix(s.macs) << ")\nInput       " << s.input
      << " (" << file_size(static_cast<double>(s.input.numel() * s.bytes_an_element)) << ")\n";
  return out;
}

}  // namespace fovea::inline FOVEA_ABI
