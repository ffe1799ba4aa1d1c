// AtomicFile: a file that appears whole or not at all. Layer io. Bytes go to a temporary name in the same folder;
// commit() makes them durable (fsync), renames them over the target and makes the rename durable. Without commit() the
// temporary file is removed and the target stays as it was; a process that is killed leaves at most a temporary file
// behind.
#pragma once

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>

#include <fovea/io/mapped_file.h>

namespace fovea::inline FOVEA_ABI {

class AtomicFile {
 public:
  // A symbolic link is followed. Errors: io, not_found (the folder does not exist).
  explicit AtomicFile(const std::filesystem::path& path)
      : target_(resolve(path)),
        temporary_(temporary_name(target_)),
        fd_(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
    if (fd_.get() < 0) detail::fail_errno(target_, "create it");
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() {
    if (!committed_) ::unlink(temporary_.c_str());
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) detail::fail_errno(target_, "write it");
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }

  void commit() {
    if (::fsync(fd_.get()) != 0) detail::fail_errno(target_, "write it to disk");
    if (::close(fd_.release()) != 0) detail::fail_errno(target_, "close it");
    if (std::rename(temporary_.c_str(), target_.c_str()) != 0) detail::fail_errno(target_, "rename the new file to it");
    committed_ = true;
    const std::filesystem::path folder = std::filesystem::path(target_).parent_path();
    const detail::FileDescriptor f(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // The new file is in place. A file system that cannot sync a folder (EINVAL) or denies to open it is no failure.
    if (f.get() >= 0 && ::fsync(f.get()) != 0 && errno != EINVAL)
      detail::fail_errno(folder.string(), "sync the folder");
  }

 private:
  static std::string resolve(const std::filesystem::path& path) {
    std::error_code none;
    const bool link = std::filesystem::is_symlink(path, none);
    const std::filesystem::path target =
        std::filesystem::absolute(link ? std::filesystem::weakly_canonical(path) : path);
    const auto status = std::filesystem::status(target, none);
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
      fail_as(Code::io, path.string(), " is there and is no regular file; it will not be replaced");
    return target.string();
  }
  static std::string temporary_name(const std::string& target) {
    static std::atomic<unsigned> count{0};
    return to_text(target, ".tmp-", ::getpid(), "-", count.fetch_add(1));
  }

  std::string target_, temporary_;
  detail::FileDescriptor fd_;
  bool committed_ = false;
};

}  // namespace fovea::inline FOVEA_ABI
