// Reader of PyTorch's torch.save files: the zip form (since 1.6) and the older form of pickles in a row (.pth, .th,
// .pt). Layer io; read pickle.h for what is interpreted, pth_objects.h for what it may refer to. Nothing in a file is
// executed.
//
//   TensorFile f = load_pth("checkpoint.pth");
//   f.at("state_dict/module.conv1.weight");      // keys of nested containers are joined by "/"; f.other has the rest
//
// Views with strides and offsets become contiguous tensors. Not supported, and refused by name: TorchScript archives,
// the tar form of PyTorch < 0.1.10, big-endian files, quantized and sparse tensors, tensor subclasses.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include <fovea/io/tensor_file.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {
FOVEA_INLINE TensorFile read_pth(ByteSource source);
}  // namespace detail

// Errors: not_found and io from the system, bad_data that names the part of the file and the byte.
inline TensorFile load_pth(const std::filesystem::path& path) { return detail::read_pth(detail::open_source(path)); }

// The same from memory, which is copied. `name` stands for the file in errors and labels.
inline TensorFile parse_pth(std::span<const std::byte> bytes, std::string name) {
  return detail::read_pth({std::move(name), bytes, nullptr});
}

}  // namespace fovea::inline FOVEA_ABI

#if !defined(FOVEA_COMPILED)
#  include <fovea/io/pth_inl.h>
#endif
