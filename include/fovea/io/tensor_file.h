// TensorFile: what a weight file holds: named tensors, metadata, and the leaves that are no tensors. Layer io. All
// readers (safetensors.h, pth.h) return it; load.h puts it into a module.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fovea/core/any_tensor.h>
#include <fovea/core/json.h>
#include <fovea/io/mapped_file.h>

namespace fovea::inline FOVEA_ABI {

using NamedTensors = std::vector<std::pair<std::string, AnyTensor>>;
using Metadata = std::vector<std::pair<std::string, std::string>>;

// A tensor that the file holds and AnyTensor cannot: an element type or a rank beyond ours. Its bytes are there.
struct OpaqueTensor {
  std::string dtype;                // the file's name for it: "F8_E4M3", "uint16"
  std::vector<std::int64_t> shape;  // any rank
  AnyTensor bytes;                  // u8, rank 1
};

struct TensorFile {
  std::string path;
  Metadata metadata;  // keys are unique, in the file's order
  NamedTensors tensors;
  std::vector<std::pair<std::string, OpaqueTensor>> opaque;
  // The leaves of a .pth that are no tensors, by path; a container KEY has an entry "KEY#" like "dict[3]".
  std::vector<std::pair<std::string, Json>> other;
  std::shared_ptr<const MappedFile> mapping;  // what tensors may alias; null if read from memory

  // Tensor `name`, or null if there is none. One that is there but opaque is an error that says so.
  const AnyTensor* find(std::string_view name) const {
    for (const auto& [key, tensor] : tensors)
      if (key == name) return &tensor;
    for (const auto& [key, tensor] : opaque)
      if (key == name)
        fail_data({.file = path, .field = name}, "element type ", tensor.dtype, " with ", tensor.shape.size(),
                  " dimensions is not supported");
    return nullptr;
  }
  const AnyTensor& at(std::string_view name) const {
    if (const AnyTensor* t = find(name)) return *t;
    fail_as(Code::not_found, path, ": no tensor \"", name, "\" among ", tensors.size());
  }
  // Metadata value, or null.
  const std::string* find_metadata(std::string_view key) const {
    for (const auto& [k, value] : metadata)
      if (k == key) return &value;
    return nullptr;
  }
  // Call after the tensors were used: an error if the mapped file was cut short meanwhile.
  void check() const {
    if (mapping) mapping->check();
  }
  bool damaged() const { return mapping && mapping->damaged(); }
};

namespace detail {

// The bytes that a reader takes tensors from: a mapping, or memory of the caller.
struct ByteSource {
  std::string name;                           // for errors and labels
  std::span<const std::byte> bytes;           // all of the file
  std::shared_ptr<const MappedFile> mapping;  // null: the caller's memory, to be copied from

  // [offset, offset + bytes), inside the source, as a storage labelled "tensor of FILE": shared with the mapping if
  // that is aligned to `alignment`, else a copy.
  std::shared_ptr<Storage> storage(std::size_t offset, std::size_t count, std::size_t alignment,
                                   const std::string& tensor) const {
    const std::byte* const from = bytes.data() + offset;
    std::shared_ptr<Storage> s;
    if (mapping && reinterpret_cast<std::uintptr_t>(from) % alignment == 0) {
      s = std::make_shared<Storage>(MappedFile::share(mapping, offset), count);
    } else {
      s = std::make_shared<Storage>(count);
      if (count > 0) std::memcpy(s->data(), from, count);
    }
    s->set_label(tensor + " of " + name);
    return s;
  }
};

inline ByteSource open_source(const std::filesystem::path& path) {
  auto mapping = MappedFile::open(path);
  return {path.string(), mapping->bytes(), mapping};
}

}  // namespace detail

}  // namespace fovea::inline FOVEA_ABI
