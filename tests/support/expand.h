// Expands the compact weight files of the data folder to dense float32 tensors under torchvision's names, as its
// weights/expand.py does: codebooks with assignments (*-pq.safetensors), and int8 weights
// (mobilenet_v2-int8.safetensors).
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <fovea/io/safetensors.h>
#include <support/support.h>

namespace fovea::test {

namespace expand_detail {
using Tensors = std::map<std::string, Tensor<float>>;

inline bool ends_with_any(const std::string& name, std::initializer_list<const char*> ends) {
  return std::any_of(ends.begin(), ends.end(), [&](const char* end) { return name.ends_with(end); });
}

// weight[o][block] = the codeword that assignments[block][o] names; each codeword covers neighbouring inputs (and
// taps).
inline Tensor<float> expand_codebook(const TensorFile& file, const std::string& layer, std::int64_t blocks,
                                     std::int64_t kernel, bool is_conv) {
  const Tensor<float> codewords = file.at(layer + ".centroids").to<float>();
  const Tensor<std::int64_t> assignments = file.at(layer + ".assignments").to<std::int64_t>();
  const std::int64_t length = codewords.size(1), out = assignments.numel() / blocks;
  Tensor<float> weight({out, blocks * length});
  float* w = weight.mutable_data();
  for (std::int64_t b = 0; b < blocks; ++b)
    for (std::int64_t o = 0; o < out; ++o)
      std::copy_n(codewords.data() + assignments.data()[b * out + o] * length, length, w + (o * blocks + b) * length);
  return is_conv ? weight.reshape({out, -1, kernel, kernel}) : weight;
}

// Batch-norm statistics are already folded into weight and bias: mean 0, variance 1.
inline Tensors expand_pq(const TensorFile& file) {
  Tensors out;
  const nlohmann::json layers = nlohmann::json::parse(*file.find_metadata("layers"));
  for (const auto& [name, row] : layers.items())
    out[name + ".weight"] = expand_codebook(file, name, row.at(0), row.at(1), row.at(2).get<int>() != 0);
  for (const auto& [name, tensor] : file.tensors) {
    if (ends_with_any(name, {".centroids", ".assignments"})) continue;
    out[name] = tensor.to<float>();
    if (!name.ends_with(".bias") || name == "fc.bias") continue;
    const std::string bn = name.substr(0, name.size() - 4);
    out[bn + "running_mean"] = Tensor<float>(tensor.shape());
    out[bn + "running_var"] = Tensor<float>(tensor.shape(), 1.0f);
  }
  return out;
}

// The rows of `t` from row 1 on: without the background class.
inline Tensor<float> drop_first_row(const Tensor<float>& t) { return t.view(1, t.size(0)); }

// Dequantized weights; batch norm is folded: weight 1, mean 0, variance 1 - 1e-5, bias = the convolution's.
inline Tensors expand_int8(const TensorFile& file, const nlohmann::json& graph) {
  Tensors out;
  std::map<std::string, double> scale;  // of each activation
  for (const nlohmann::json& op : graph.at("ops")) {
    if (op.at("out_scale").is_number()) scale[op.at("output")] = op.at("out_scale");
    if (!op.contains("name")) continue;
    const std::string name = op.at("name");
    const Tensor<float> scales = file.at(name + ".weight_scale").as<float>();
    const Tensor<std::int8_t> q = file.at(name + ".weight").as<std::int8_t>();
    const Tensor<std::int32_t> q_bias = file.at(name + ".bias").as<std::int32_t>();
    const std::int64_t rows = q.size(0), columns = q.numel() / rows;
    Tensor<float> weight(q.shape()), bias({rows});
    const double input_scale = scale.at(op.at("inputs").at(0));
    for (std::int64_t o = 0; o < rows; ++o) {
      const double s = scales.data()[o];
      for (std::int64_t i = o * columns; i < (o + 1) * columns; ++i)
        weight.mutable_data()[i] = static_cast<float>(q.data()[i] * s);
      bias.mutable_data()[o] = static_cast<float>(q_bias.data()[o] * (s * input_scale));
    }
    if (op.at("bn").is_null()) {
      out[name + ".weight"] = drop_first_row(weight);
      out[name + ".bias"] = drop_first_row(bias);
      continue;
    }
    const std::string bn = op.at("bn");
    out[name + ".weight"] = weight;
    out[bn + ".weight"] = Tensor<float>({rows}, 1.0f);
    out[bn + ".bias"] = bias;
    out[bn + ".running_mean"] = Tensor<float>({rows});
    out[bn + ".running_var"] = Tensor<float>({rows}, static_cast<float>(1 - 1e-5));
  }
  return out;
}
}  // namespace expand_detail

// The dense state of a compact file; the graph of an int8 file lies beside it as .json.
inline TensorFile expand(const std::filesystem::path& compact) {
  const TensorFile file = load_safetensors(compact);
  const std::string* format = file.find_metadata("format");
  const bool pq = format && *format == "pq";
  const expand_detail::Tensors dense =
      pq ? expand_detail::expand_pq(file)
         : expand_detail::expand_int8(
               file, nlohmann::json::parse(read_text(std::filesystem::path(compact).replace_extension(".json"))));
  TensorFile out;
  out.path = compact.filename().string() + ", expanded";
  for (const auto& [name, tensor] : dense) out.tensors.emplace_back(name, tensor);
  return out;
}

}  // namespace fovea::test
