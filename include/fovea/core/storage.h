// Storage: the bytes behind tensors, shared by copies and views. Layer core; read tensor.h first.
// A storage knows its device, a label for errors ("layer2.0.conv1.weight of resnet50.safetensors"), a version that
// every write moves on, and a side slot in which kernels keep packed copies of it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <fovea/core/error.h>
#include <fovea/core/memory.h>

namespace fovea::inline FOVEA_ABI {

enum class Device : std::uint8_t { cpu, cuda, sim };
inline constexpr int kDevices = 3;

// Where the memory of a device comes from; the CPU's is allocate_aligned.
using Allocate = std::shared_ptr<std::byte> (*)(std::size_t bytes);
namespace detail {
inline Allocate device_allocate[kDevices] = {allocate_aligned};
}

// Gives a device its memory, as install_kernels gives it its kernels; call both before tensors of that device exist.
inline void install_allocator(Device device, Allocate allocate) {
  detail::device_allocate[static_cast<std::size_t>(device)] = allocate;
}

inline std::shared_ptr<std::byte> allocate(std::size_t bytes, Device device) {
  const Allocate a = detail::device_allocate[static_cast<std::size_t>(device)];
  if (!a) fail_as(Code::unavailable, "tensor: no allocator for this device; link it and call its install()");
  return a(bytes);
}

class Storage {
 public:
  explicit Storage(std::size_t bytes, Device device = Device::cpu)
      : bytes_(bytes), device_(device), data_(allocate(bytes, device)) {}
  // Aliases memory that `data` keeps alive (a mapped file, a user's buffer); read-only memory must only be read.
  Storage(std::shared_ptr<std::byte> data, std::size_t bytes, Device device = Device::cpu)
      : bytes_(bytes), device_(device), data_(std::move(data)) {}
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  std::byte* data() const { return data_.get(); }
  std::size_t bytes() const { return bytes_; }
  Device device() const { return device_; }

  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  void bump_version() { version_.fetch_add(1, std::memory_order_acq_rel); }

  const std::string& label() const { return label_; }
  void set_label(std::string label) { label_ = std::move(label); }

  // The packed copy that a kernel row keeps of this storage, made by `make()` (returning shared_ptr<const std::byte>)
  // the first time and again after the version moved on. `row` and `variant` name the packing: whatever else decides
  // the packed bytes (offset, sizes, groups) must be in `variant`. Safe from several threads.
  using Variant = std::array<std::int64_t, 6>;
  template <class Make>
  std::shared_ptr<const std::byte> packed(const void* row, const Variant& variant, Make&& make) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t now = version();
    if (packed_version_ != now) packed_.clear(), packed_version_ = now;
    for (const auto& p : packed_)
      if (p.row == row && p.variant == variant) return p.bytes;
    packed_.push_back({row, variant, make()});
    return packed_.back().bytes;
  }

 private:
  struct Packed {
    const void* row;
    Variant variant;
    std::shared_ptr<const std::byte> bytes;
  };
  std::size_t bytes_;
  Device device_;
  std::shared_ptr<std::byte> data_;
  std::atomic<std::uint64_t> version_{0};
  std::string label_;
  std::mutex mutex_;
  std::uint64_t packed_version_ = 0;
  std::vector<Packed> packed_;
};

}  // namespace fovea::inline FOVEA_ABI
