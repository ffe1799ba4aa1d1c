// Reader and writer of safetensors files. Layer io; docs/FORMAT.md has the layout and our metadata keys.
//
//   TensorFile f = load_safetensors("resnet50.safetensors");   // mapped; tensors alias the file where aligned
//   Tensor<float> w = f.at("fc.weight").as<float>();
//   save_safetensors("out.safetensors", f.tensors, f.metadata);
//
// The file: header length (u64, little endian), header (JSON object: name -> {dtype, shape, data_offsets}, and
// "__metadata__" -> strings), data. The reader refuses what the reference library refuses, and what its format text
// forbids although the library lets it pass: a header that does not start with '{', names that stand twice, unknown
// fields, "__metadata__": null, sizes that overflow beside a zero.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include <fovea/io/tensor_file.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {
FOVEA_INLINE TensorFile read_safetensors(ByteSource source);
// The format's name of an element type: "F32", "BOOL".
FOVEA_INLINE std::string_view safetensors_name(DType dtype);
}  // namespace detail

// Errors: not_found and io from the system, bad_data that names the field (a tensor's name, "header", ...).
inline TensorFile load_safetensors(const std::filesystem::path& path) {
  return detail::read_safetensors(detail::open_source(path));
}

// The same from memory, which is copied. `name` stands for the file in errors and labels.
inline TensorFile parse_safetensors(std::span<const std::byte> bytes, std::string name) {
  return detail::read_safetensors({std::move(name), bytes, nullptr});
}

// Writes the file whole or not at all (see atomic_file.h); the same arguments give the same bytes. Names must be
// unique.
FOVEA_INLINE void save_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                                   const Metadata& metadata = {});

}  // namespace fovea::inline FOVEA_ABI

#if !defined(FOVEA_COMPILED)
#  include <fovea/io/safetensors_inl.h>
#endif
