// load_weights: a weight file of any form that fovea reads, told apart by content. Layer io.
//
//   TensorFile f = state_dict(load_weights("resnet20.th"));   // safetensors, .pth, .th alike
//   load_into(net, f);                                        // load.h
#pragma once

#include <algorithm>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include <fovea/core/bytes.h>
#include <fovea/io/pth.h>
#include <fovea/io/safetensors.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {
inline TensorFile read_weights(ByteSource source) {
  const std::span<const std::byte> b = source.bytes;
  if (starts_with(b, "version https://git-lfs"))
    fail_data({.file = source.name}, "this is a Git LFS pointer; fetch the file itself with `git lfs pull`");
  // The first bytes of a safetensors file are a length and may look like a pickle; its header starts at byte 8.
  if (b.size() > 8 && b[8] == std::byte{'{'}) return read_safetensors(std::move(source));
  if (starts_with(b, "PK") || starts_with(b, "\x80")) return read_pth(std::move(source));
  fail_data({.file = source.name, .field = "first bytes", .offset = 0},
            "neither a safetensors file nor one of torch.save (", b.size(), " bytes)");
}
}  // namespace detail

// Errors: not_found and io from the system, bad_data that names the part of the file and the byte.
inline TensorFile load_weights(const std::filesystem::path& path) {
  return detail::read_weights(detail::open_source(path));
}
// The same from memory, which is copied. `name` stands for the file in errors and labels.
inline TensorFile parse_weights(std::span<const std::byte> bytes, std::string name) {
  return detail::read_weights({std::move(name), bytes, nullptr});
}

// The network's own tensors under their own names. Of a training checkpoint, those below its entry "state_dict",
// "model_state_dict" or "model" (the first that holds tensors); then without the prefix "module." of PyTorch's
// DataParallel, if every name has it.
inline TensorFile state_dict(TensorFile file) {
  const auto keep_below = [&](std::string_view prefix) {
    const auto keep = [&](auto& list) {
      std::erase_if(list, [&](const auto& entry) { return !entry.first.starts_with(prefix); });
      for (auto& entry : list) entry.first.erase(0, prefix.size());
    };
    keep(file.tensors);
    keep(file.opaque);
  };
  const auto below = [](std::string_view prefix) {
    return [prefix](const auto& entry) { return entry.first.starts_with(prefix); };
  };
  for (const std::string_view prefix : {"state_dict/", "model_state_dict/", "model/"}) {
    if (std::ranges::none_of(file.tensors, below(prefix))) continue;
    keep_below(prefix);
    break;
  }
  constexpr std::string_view parallel = "module.";
  if (std::ranges::all_of(file.tensors, below(parallel)) && std::ranges::all_of(file.opaque, below(parallel)))
    keep_below(parallel);
  return file;
}

}  // namespace fovea::inline FOVEA_ABI
