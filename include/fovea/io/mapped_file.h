// MappedFile: the bytes of a file, mapped instead of read, that stay safe when somebody cuts the file short meanwhile.
// Layer io; read io/safetensors.h for its use.
//
// A page of a mapping that no longer has file behind it raises SIGBUS when it is touched, long after the load, inside
// any kernel. Checking the size before the access is a race; reading through copies gives up the mapping. So the first
// map installs one process-wide SIGBUS handler. A fault inside one of our mappings gets a page of zeros in its place
// and marks that mapping damaged; every other fault goes to the handler that was there before, or kills the process as
// it would have. Who uses the bytes calls check() afterwards and gets an Error. A program that sets its own SIGBUS
// handler later and does not chain loses this protection, not more. Mappings are private and writable: a write to a
// tensor that lies in one (fine-tuning) copies the page and never reaches the file. A file overwritten in place is not
// noticed; replacing it by rename (what our writer does) is safe.
//
// Pipes and files of /proc have no stable pages and are read into memory.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <fovea/core/error.h>
#include <fovea/core/storage.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {

// The mappings that the signal handler knows: a list that only grows, whose entries are used again. An entry is read in
// the handler, so it changes under a sequence number that is odd meanwhile.
struct MappedRange {
  std::atomic<std::uint32_t> sequence{0};
  std::atomic<std::uintptr_t> begin{0}, end{0};
  std::atomic<bool> used{false}, damaged{false};
  MappedRange* next = nullptr;

  void set(std::uintptr_t from, std::uintptr_t to) {
    sequence.fetch_add(1);
    begin = from;
    end = to;
    sequence.fetch_add(1);
  }
  bool contains(std::uintptr_t address) const {
    const std::uint32_t before = sequence;
    const bool inside = address >= begin && address < end;
    return inside && before % 2 == 0 && sequence == before;
  }
};

inline std::atomic<MappedRange*> mapped_ranges{nullptr};
inline struct sigaction previous_sigbus {};

// Only async-signal-safe calls: mmap is a plain system call on Linux.
inline void on_sigbus(int signal, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (MappedRange* r = mapped_ranges; r; r = r->next) {
    if (!r->contains(address)) continue;
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    void* const at = reinterpret_cast<void*>(address / page * page);
    if (mmap(at, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) break;
    r->damaged = true;
    errno = saved_errno;
    return;
  }
  errno = saved_errno;
  if (previous_sigbus.sa_flags & SA_SIGINFO) return previous_sigbus.sa_sigaction(signal, info, context);
  if (previous_sigbus.sa_handler != SIG_DFL && previous_sigbus.sa_handler != SIG_IGN)
    return previous_sigbus.sa_handler(signal);
  ::signal(signal, SIG_DFL);  // the access faults again and ends the process
}

inline MappedRange* register_range(std::uintptr_t begin, std::uintptr_t end) {
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    return sigaction(SIGBUS, &action, &previous_sigbus) == 0;
  }();
  if (!installed) return nullptr;
  for (MappedRange* r = mapped_ranges; r; r = r->next) {
    bool free = false;
    if (!r->used.compare_exchange_strong(free, true)) continue;
    r->damaged = false;
    r->set(begin, end);
    return r;
  }
  auto* r = new MappedRange;  // never freed: a handler may be reading the list
  r->used = true;
  r->set(begin, end);
  r->next = mapped_ranges;
  while (!mapped_ranges.compare_exchange_weak(r->next, r)) {}
  return r;
}

[[noreturn]] inline void fail_errno(const std::string& path, const char* doing) {
  const int e = errno;
  fail_as(e == ENOENT || e == ENOTDIR ? Code::not_found : Code::io, path, ": cannot ", doing, ": ", std::strerror(e));
}

// A file descriptor, closed at the end of its scope.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

}  // namespace detail

class MappedFile {
 public:
  // What a pipe may send before it is refused.
  static constexpr std::size_t kMaxUnmapped = std::size_t{1} << 30;

  // Errors: not_found, io. The result is shared by the storages that alias it.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path) {
    return std::shared_ptr<const MappedFile>(new MappedFile(path.string()));
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() {
    if (!range_) return;
    range_->set(0, 0);
    munmap(data_, bytes_);
    range_->used = false;
  }

  const std::string& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, bytes_}; }

  // True if the file has become shorter than it was when it was opened: some bytes may have been read as zeros.
  bool damaged() const {
    if (!range_) return false;
    struct stat s {};
    return range_->damaged || fstat(fd_.get(), &s) != 0 || static_cast<std::size_t>(s.st_size) < bytes_;
  }
  // Call after using the bytes.
  void check() const {
    if (damaged()) fail_as(Code::io, path_, ": the file was cut short while it was in use; it had ", bytes_, " bytes");
  }

  // The bytes from `offset` on, as a pointer that keeps the mapping alive.
  static std::shared_ptr<std::byte> share(std::shared_ptr<const MappedFile> file, std::size_t offset) {
    std::byte* const at = file->data_ + offset;
    return {std::const_pointer_cast<MappedFile>(std::move(file)), at};
  }

 private:
  explicit MappedFile(std::string path) : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat s {};
    if (fd_.get() < 0) detail::fail_errno(path_, "open it");
    if (fstat(fd_.get(), &s) != 0) detail::fail_errno(path_, "ask for its size");
    if (S_ISDIR(s.st_mode)) fail_as(Code::io, path_, " is a folder, a file is wanted");
    if (S_ISCHR(s.st_mode) || S_ISBLK(s.st_mode)) fail_as(Code::io, path_, " is a device, a file is wanted");
    const bool mappable = S_ISREG(s.st_mode) && s.st_size > 0;  // /proc shows regular files of size 0 that have content
    if (!mappable || !map(static_cast<std::size_t>(s.st_size))) read_all();
  }

  bool map(std::size_t bytes) {
    void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd_.get(), 0);
    if (p == MAP_FAILED) return false;
    const auto begin = reinterpret_cast<std::uintptr_t>(p);
    range_ = detail::register_range(begin, begin + bytes);
    if (!range_) {
      munmap(p, bytes);
      return false;
    }
    data_ = static_cast<std::byte*>(p);
    bytes_ = bytes;
    return true;
  }

  void read_all() {
    std::vector<std::byte> content;
    for (std::size_t used = 0;;) {
      if (used == content.size()) content.resize(std::max<std::size_t>(used * 2, 65536));
      const ssize_t n = ::read(fd_.get(), content.data() + used, content.size() - used);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) detail::fail_errno(path_, "read it");
      used += static_cast<std::size_t>(n);
      if (used > kMaxUnmapped) fail_as(Code::out_of_memory, path_, ": more than ", kMaxUnmapped, " bytes");
      if (n > 0) continue;
      memory_ = allocate_aligned(used);
      if (used > 0) std::memcpy(memory_.get(), content.data(), used);
      data_ = memory_.get();
      bytes_ = used;
      return;
    }
  }

  std::string path_;
  detail::FileDescriptor fd_;
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  detail::MappedRange* range_ = nullptr;  // null when the bytes lie in memory_
  std::shared_ptr<std::byte> memory_;
};

}  // namespace fovea::inline FOVEA_ABI
