// Memory of the CPU's tensors. Layer core; storage.h is its user.
//
// Large blocks are kept when a tensor dies and given to the next one of about that size: a training step asks for the
// same sizes every time, and pages fresh from the system cost as much as the arithmetic on them. Live and kept bytes
// together are at most 5/4 of the most that was live at one time. Blocks of 4 MiB and more ask for huge pages.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#if defined(__linux__)
#  include <sys/mman.h>
#endif

#include <fovea/core/error.h>

namespace fovea::inline FOVEA_ABI {

inline constexpr std::size_t kAlignment = 64;  // bytes; of all storage that we allocate

namespace detail {
inline std::atomic<std::int64_t> live_bytes{0};

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kKeepBlocks = false;  // a block that is used after its end must be seen
#elif defined(__has_feature)
#  if __has_feature(address_sanitizer)
inline constexpr bool kKeepBlocks = false;
#  else
inline constexpr bool kKeepBlocks = true;
#  endif
#else
inline constexpr bool kKeepBlocks = true;
#endif

class BlockCache {
 public:
  static constexpr std::size_t kLeast = std::size_t{1} << 20, kHuge = std::size_t{1} << 22,
                               kPage = std::size_t{1} << 21;

  // Never destroyed: tensors of static duration may outlive any static object.
  static BlockCache& instance() {
    static BlockCache& cache = *new BlockCache;
    return cache;
  }

  struct Block {
    std::byte* data = nullptr;
    std::size_t bytes = 0;
  };

  // At least `bytes`; no data if there is no memory.
  Block take(std::size_t bytes) {
    if (bytes > SIZE_MAX / 2) return {};
    const std::lock_guard lock(mutex_);
    const std::size_t size = (bytes + kStep - 1) / kStep * kStep;
    auto best = free_.end();
    for (auto b = free_.begin(); b != free_.end(); ++b)
      if (b->bytes >= size && b->bytes <= size + size / 8 && (best == free_.end() || b->bytes < best->bytes)) best = b;
    Block block{nullptr, size};
    if (best != free_.end()) {
      block = *best;
      free_.erase(best);
      kept_ -= block.bytes;
    } else {
      while (!free_.empty() && live_ + kept_ + size > limit()) drop_oldest();
      block.data = fresh(size);
      while (!block.data && !free_.empty()) {
        drop_oldest();
        block.data = fresh(size);
      }
      if (!block.data) return block;
    }
    live_ += block.bytes;
    peak_ = std::max(peak_, live_);
    return block;
  }

  void give_back(const Block& block) {
    const std::lock_guard lock(mutex_);
    live_ -= block.bytes;
    if (!kKeepBlocks) return release(block);
    free_.push_back(block);
    kept_ += block.bytes;
  }

  std::size_t kept() const { return kept_; }  // bytes

  void drop_all() {
    const std::lock_guard lock(mutex_);
    while (!free_.empty()) drop_oldest();
    peak_ = live_;
  }

 private:
  static constexpr std::size_t kStep = std::size_t{1} << 16;

  // Of live and kept bytes together. A step's blocks of each size are not all live at once, so the peak alone would
  // leave too little to find them all again.
  std::size_t limit() const { return peak_ + peak_ / 4; }

  static std::size_t alignment_of(std::size_t bytes) { return bytes >= kHuge ? kPage : kAlignment; }
  static std::byte* fresh(std::size_t bytes) {
    void* p = ::operator new (bytes, std::align_val_t{alignment_of(bytes)}, std::nothrow);
#if defined(__linux__)
    if (p && bytes >= kHuge) madvise(p, bytes, MADV_HUGEPAGE);  // a wish; a system without them says no
#endif
    return static_cast<std::byte*>(p);
  }
  static void release(const Block& b) { ::operator delete (b.data, std::align_val_t{alignment_of(b.bytes)}); }
  void drop_oldest() {
    release(free_.front());
    kept_ -= free_.front().bytes;
    free_.erase(free_.begin());
  }

  std::mutex mutex_;
  std::vector<Block> free_;  // oldest first
  std::size_t live_ = 0, kept_ = 0, peak_ = 0;
};
}  // namespace detail

// Bytes of all storage that allocate_aligned gave out and that is not freed yet.
inline std::int64_t live_bytes() { return detail::live_bytes.load(std::memory_order_relaxed); }

// Gives the blocks that are kept for later tensors back to the system.
inline void release_kept_memory() { detail::BlockCache::instance().drop_all(); }

// Bytes aligned to kAlignment, freed with the last owner. bytes == 0 gives a valid pointer to nothing.
inline std::shared_ptr<std::byte> allocate_aligned(std::size_t bytes) {
  using detail::BlockCache;
  const auto count = static_cast<std::int64_t>(bytes);
  const bool large = bytes >= BlockCache::kLeast;
  BlockCache::Block block;
  if (large)
    block = BlockCache::instance().take(bytes);
  else
    block.data =
        static_cast<std::byte*>(::operator new (bytes == 0 ? 1 : bytes, std::align_val_t{kAlignment}, std::nothrow));
  if (!block.data) fail_as(Code::out_of_memory, "tensor: no memory for ", bytes, " bytes");
  detail::live_bytes.fetch_add(count, std::memory_order_relaxed);
  return {block.data, [count, block, large](std::byte*) {
            detail::live_bytes.fetch_sub(count, std::memory_order_relaxed);
            if (large)
              BlockCache::instance().give_back(block);
            else
              ::operator delete (block.data, std::align_val_t{kAlignment});
          }};
}

}  // namespace fovea::inline FOVEA_ABI
