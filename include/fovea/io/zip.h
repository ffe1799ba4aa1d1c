// ZipArchive: the table of a zip file in memory and its entries, as far as PyTorch's .pth needs (stored and deflated
// entries, zip64; PKWARE APPNOTE 6.3.10). Layer io; pth.h is its user. Everything is checked before use: places inside
// the file, local headers against the directory, no two entries of one name, no overlap (so that reading every entry is
// linear in the file), CRC-32 of what is read.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <fovea/core/storage.h>
#include <fovea/io/crc32.h>
#include <fovea/io/inflate.h>

namespace fovea::inline FOVEA_ABI {

// How much a reader may allocate beyond what lies in the file: some is free, more must be justified by the file's size.
class Allowance {
 public:
  explicit Allowance(std::size_t file_bytes, std::size_t free = std::size_t{16} << 20)
      : left_(free + 8 * std::uint64_t{file_bytes}) {}
  void spend(std::uint64_t bytes, const Where& where) {
    if (bytes > left_) fail_data(where, bytes, " bytes are too many for a file of this size");
    left_ -= bytes;
  }

 private:
  std::uint64_t left_;
};

struct ZipEntry {
  std::string_view name;  // points into the file
  std::uint16_t method;   // 0 stored, 8 deflated
  std::uint32_t crc;
  std::uint64_t compressed, size;  // bytes
  std::uint64_t local;             // offset of the local header
  std::uint64_t begin;             // offset of the data
};

class ZipArchive {
 public:
  // `bytes` and `file` (for errors) must outlive the archive.
  ZipArchive(std::span<const std::byte> bytes, std::string_view file) : bytes_(bytes), file_(file) {
    read_directory();
    for (ZipEntry& e : entries_) read_local_header(e);
    check_names();
    check_overlap();
  }

  const std::vector<ZipEntry>& entries() const { return entries_; }  // sorted by name

  // The entry of that name, or null.
  const ZipEntry* find(std::string_view name) const {
    const auto e = std::ranges::lower_bound(entries_, name, {}, &ZipEntry::name);
    return e != entries_.end() && e->name == name ? &*e : nullptr;
  }

  // The bytes of a stored entry in place, or of a deflated one in `buffer`, which is allocated; CRC checked.
  std::span<const std::byte> read(const ZipEntry& e, std::shared_ptr<std::byte>& buffer, Allowance& allowance) const {
    const Where where{.file = file_, .field = e.name, .offset = e.begin};
    std::span<const std::byte> data = bytes_.subspan(e.begin, e.compressed);
    if (e.method != 0) {
      allowance.spend(e.size, where);
      buffer = allocate_aligned(e.size);
      inflate(data, {buffer.get(), e.size}, where);
      data = {buffer.get(), e.size};
    }
    if (const std::uint32_t crc = crc32(data); crc != e.crc) fail_data(where, "CRC-32 is ", crc, ", stored is ", e.crc);
    return data;
  }

 private:
  static constexpr std::uint64_t kEnd = 22, kEnd64 = 56, kLocator64 = 20, kCentral = 46,
                                 kLocal = 30;  // bytes of records

  template <class... Parts>
  [[noreturn]] void error(std::string_view field, std::uint64_t offset, const Parts&... parts) const {
    fail_data({.file = file_, .field = field, .offset = offset}, parts...);
  }
  // Little-endian integer at `at`, which must be inside.
  template <class T>
  T number(std::uint64_t at) const {
    T v{};
    std::memcpy(&v, bytes_.data() + at, sizeof v);
    return v;
  }
  bool signature(std::uint64_t at, std::uint32_t s) const {
    return at <= bytes_.size() && bytes_.size() - at >= 4 && number<std::uint32_t>(at) == s;
  }
  std::string_view text(std::uint64_t at, std::uint64_t n) const {
    return {reinterpret_cast<const char*>(bytes_.data()) + at, static_cast<std::size_t>(n)};
  }

  // Offset of the end record: the last one whose comment ends the file.
  std::uint64_t find_end() const {
    const std::uint64_t size = bytes_.size();
    for (std::uint64_t back = kEnd; back <= std::min<std::uint64_t>(size, kEnd + 65535); ++back) {
      const std::uint64_t at = size - back;
      if (signature(at, 0x06054b50) && number<std::uint16_t>(at + 20) == back - kEnd) return at;
    }
    fail_data({.file = file_, .field = "zip directory"}, "no end record; the file is cut short or no zip");
  }

  void read_directory() {
    const std::uint64_t end = find_end();
    if (number<std::uint16_t>(end + 4) != 0 || number<std::uint16_t>(end + 6) != 0)
      error("zip directory", end, "an archive in several parts is not supported");
    std::uint64_t count = number<std::uint16_t>(end + 10);
    std::uint64_t size = number<std::uint32_t>(end + 12), offset = number<std::uint32_t>(end + 16), limit = end;
    if (end >= kLocator64 && signature(end - kLocator64, 0x07064b50)) {
      limit = number<std::uint64_t>(end - kLocator64 + 8);
      if (limit > end - kLocator64 || end - kLocator64 - limit < kEnd64 || !signature(limit, 0x06064b50))
        error("zip64 end record", limit, "not found");
      const auto take = [&](std::uint64_t& small, std::uint64_t sentinel, std::uint64_t at) {
        const auto big = number<std::uint64_t>(at);
        if (small != sentinel && small != big) error("zip64 end record", at, big, ", the end record says ", small);
        small = big;
      };
      take(count, 0xffff, limit + 32);
      take(size, 0xffffffff, limit + 40);
      take(offset, 0xffffffff, limit + 48);
    }
    if (offset > limit || size > limit - offset)
      error("zip directory", end, size, " bytes at ", offset, " are announced, ", limit, " lie before its end");
    if (count > size / kCentral) error("zip directory", end, count, " entries are announced in ", size, " bytes");
    data_end_ = offset;
    std::uint64_t at = offset;
    for (std::uint64_t i = 0; i < count; ++i) at = read_entry(at, offset + size);
    if (at != offset + size) error("zip directory", at, offset + size - at, " bytes after its last entry");
  }

  // Adds the directory entry at `at`; returns where the next one starts.
  std::uint64_t read_entry(std::uint64_t at, std::uint64_t end) {
    if (end - at < kCentral || !signature(at, 0x02014b50)) error("zip directory", at, "no entry here");
    const std::uint64_t name = number<std::uint16_t>(at + 28), extra = number<std::uint16_t>(at + 30);
    const std::uint64_t comment = number<std::uint16_t>(at + 32);
    if (name + extra + comment > end - at - kCentral) error("zip directory", at, "an entry runs past its end");
    ZipEntry e{text(at + kCentral, name),
               number<std::uint16_t>(at + 10),
               number<std::uint32_t>(at + 16),
               number<std::uint32_t>(at + 20),
               number<std::uint32_t>(at + 24),
               number<std::uint32_t>(at + 42),
               0};
    if (number<std::uint16_t>(at + 8) & 1) error(e.name, at, "the entry is encrypted");
    if (e.method != 0 && e.method != 8) error(e.name, at, "compression method ", e.method, " is not supported");
    read_zip64_sizes(e, at + kCentral + name, extra);
    if (e.method == 0 && e.compressed != e.size)
      error(e.name, at, "stored with ", e.compressed, " bytes for a size of ", e.size);
    entries_.push_back(e);
    return at + kCentral + name + extra + comment;
  }

  // Extra field 1 holds, in this order, those of size, compressed size and offset that are all ones in the entry.
  void read_zip64_sizes(ZipEntry& e, std::uint64_t at, std::uint64_t length) const {
    const std::uint64_t end = at + length;
    while (end - at >= 4) {
      const std::uint64_t id = number<std::uint16_t>(at), field_end = at + 4 + number<std::uint16_t>(at + 2);
      if (field_end > end) error(e.name, at, "an extra field runs past its entry");
      at += 4;
      for (std::uint64_t* v : {&e.size, &e.compressed, &e.local}) {
        if (id != 1 || *v != 0xffffffff) continue;
        if (field_end - at < 8) error(e.name, at, "a zip64 size is missing");
        *v = number<std::uint64_t>(at);
        at += 8;
      }
      at = field_end;
    }
  }

  void read_local_header(ZipEntry& e) const {
    if (e.local > data_end_ || data_end_ - e.local < kLocal || !signature(e.local, 0x04034b50))
      error(e.name, e.local, "no local header here");
    const std::uint64_t name = number<std::uint16_t>(e.local + 26), extra = number<std::uint16_t>(e.local + 28);
    const std::uint64_t room = data_end_ - e.local - kLocal;
    if (name + extra > room || e.compressed > room - name - extra)
      error(e.name, e.local, e.compressed, " bytes run into the directory or past the end");
    if (text(e.local + kLocal, name) != e.name || number<std::uint16_t>(e.local + 8) != e.method)
      error(e.name, e.local, "the local header differs from the directory");
    e.begin = e.local + kLocal + name + extra;
  }

  void check_names() {
    std::ranges::sort(entries_, {}, &ZipEntry::name);
    const auto twice = std::ranges::adjacent_find(entries_, {}, &ZipEntry::name);
    if (twice != entries_.end()) error(twice->name, twice[1].local, "two entries have this name");
  }

  void check_overlap() const {
    std::vector<const ZipEntry*> order;
    for (const ZipEntry& e : entries_) order.push_back(&e);
    std::ranges::sort(order, {}, &ZipEntry::local);
    for (std::size_t i = 1; i < order.size(); ++i)
      if (order[i - 1]->begin + order[i - 1]->compressed > order[i]->local)
        error(order[i]->name, order[i]->local, "overlaps the entry ", order[i - 1]->name);
  }

  std::span<const std::byte> bytes_;
  std::string_view file_;
  std::uint64_t data_end_ = 0;  // where the directory starts
  std::vector<ZipEntry> entries_;
};

}  // namespace fovea::inline FOVEA_ABI
