// The reader behind io/pth.h: the zip form and the older form. Layer io; read pth.h first, then pickle.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <fovea/core/bytes.h>
#include <fovea/io/pickle.h>
#include <fovea/io/pth.h>
#include <fovea/io/pth_objects.h>
#include <fovea/io/pth_tensors.h>
#include <fovea/io/zip.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {

inline TorchBlob blob_at(const ByteSource& source, std::uint64_t offset, std::uint64_t bytes) {
  TorchBlob b{source.bytes.subspan(offset, bytes), nullptr, true, false};
  if (source.mapping) b.owner = MappedFile::share(source.mapping, offset);
  return b;
}

inline TensorFile file_of(const ByteSource& source) {
  TensorFile file;
  file.path = source.name;
  file.mapping = source.mapping;
  return file;
}

// --- the zip form: PREFIX/data.pkl, PREFIX/byteorder, PREFIX/data/KEY ---

inline std::string torch_zip_prefix(const ZipArchive& zip, const std::string& file) {
  constexpr std::string_view tail = "/data.pkl";
  std::string_view prefix;
  for (const ZipEntry& e : zip.entries())
    if (e.name.ends_with(tail) && e.name.find('/') == e.name.size() - tail.size())
      prefix = e.name.substr(0, e.name.size() - tail.size() + 1);
  if (prefix.empty())
    fail_data({.file = file, .field = "data.pkl"}, "no entry ARCHIVE/data.pkl; is this a PyTorch file?");
  for (const ZipEntry& e : zip.entries())
    if (!e.name.starts_with(prefix)) fail_data({.file = file, .field = e.name}, "an entry outside of ", prefix);
  return std::string(prefix);
}

inline TorchBlob zip_blob(const ByteSource& source, const ZipArchive& zip, const std::string& prefix,
                          const TorchStorage& s, Allowance& allowance) {
  const std::string name = prefix + "data/" + s.key;
  const ZipEntry* e = zip.find(name);
  if (!e) fail_data({.file = source.name, .field = name}, "a tensor refers to this storage, which is not in the file");
  if (e->size != s.bytes)
    fail_data({.file = source.name, .field = name, .offset = e->begin}, "the storage has ", e->size,
              " bytes, the pickle says ", s.bytes);
  std::shared_ptr<std::byte> buffer;
  const auto bytes = zip.read(*e, buffer, allowance);
  return buffer ? TorchBlob{bytes, buffer, true, false} : blob_at(source, e->begin, e->size);
}

inline TensorFile read_torch_zip(const ByteSource& source) {
  const ZipArchive zip(source.bytes, source.name);
  Allowance allowance(source.bytes.size());
  const std::string prefix = torch_zip_prefix(zip, source.name);
  std::shared_ptr<std::byte> order_buffer, pickle_buffer;
  if (const ZipEntry* order = zip.find(prefix + "byteorder")) {
    const auto bytes = zip.read(*order, order_buffer, allowance);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text != "little")
      fail_data({.file = source.name, .field = "byteorder", .offset = order->begin}, "only little is supported");
  }
  const ZipEntry& entry = *zip.find(prefix + "data.pkl");
  const auto bytes = zip.read(entry, pickle_buffer, allowance);
  TorchObjects objects;
  Pickle pickle(bytes, {source.name, "data.pkl", entry.begin}, objects);
  const auto root = pickle.run();
  if (pickle.end() != bytes.size())
    fail_data({source.name, "data.pkl", entry.begin + pickle.end()}, bytes.size() - pickle.end(), " bytes after STOP");
  std::vector<TorchBlob> blobs;
  for (const TorchStorage& s : objects.storages) blobs.push_back(zip_blob(source, zip, prefix, s, allowance));
  TensorFile file = file_of(source);
  TorchFileBuilder(file, pickle.values(), objects, blobs, bytes.size(), allowance).build(root);
  file.check();
  return file;
}

// --- the older form: pickles (magic number, version, system, object, storage keys), then the storages ---

// The host of pickles that need no globals.
struct PlainObjects {
  using Ref = PickleValue::Ref;
  bool knows(std::string_view, std::string_view) const { return false; }
  Ref call(PickleValues&, const std::string&, Ref, const Where& where) { fail_data(where, "a call is refused"); }
  Ref persistent(PickleValues&, Ref, const Where& where) { fail_data(where, "a persistent id is refused here"); }
};

class LegacyReader {
 public:
  explicit LegacyReader(ByteSource source) : source_(std::move(source)) {}

  TensorFile read() {
    check_preamble();
    TorchObjects objects;
    const std::size_t start = at_;
    Pickle pickle(source_.bytes.subspan(at_), {source_.name, "object pickle", at_}, objects);
    const auto root = pickle.run();
    at_ += pickle.end();
    const std::size_t pickle_bytes = at_ - start;
    std::vector<TorchBlob> blobs = read_storages(objects);
    TensorFile file = file_of(source_);
    Allowance allowance(source_.bytes.size());
    TorchFileBuilder(file, pickle.values(), objects, blobs, pickle_bytes, allowance).build(root);
    file.check();
    return file;
  }

 private:
  using Kind = PickleValue::Kind;

  template <class... Parts>
  [[noreturn]] void error(std::string_view field, std::size_t at, const Parts&... parts) const {
    fail_data({.file = source_.name, .field = field, .offset = at}, parts...);
  }

  // Runs the pickle at at_ and hands (values, root) to `use`; at_ moves behind it.
  template <class Use>
  void plain(const char* field, Use&& use) {
    PlainObjects host;
    Pickle pickle(source_.bytes.subspan(at_), {source_.name, field, at_}, host);
    const auto root = pickle.run();
    use(pickle.values(), root);
    at_ += pickle.end();
  }

  void check_preamble() {
    plain("magic number", [&](const PickleValues& v, PickleValue::Ref r) {
      if (!v[r].is(Kind::big_integer) || v[r].text != "119547037146038801333356")  // 0x1950a86a20f9469cfc6c
        error("magic number", at_, "not a file of torch.save");
    });
    plain("protocol version", [&](const PickleValues& v, PickleValue::Ref r) {
      if (!v[r].is(Kind::integer) || v[r].integer != 1001) error("protocol version", at_, "only 1001 is supported");
    });
    plain("system information", [&](const PickleValues& v, PickleValue::Ref r) {
      bool little = false;
      if (!v[r].is(Kind::dict)) error("system information", at_, "a dict is wanted");
      for (std::size_t i = 0; i < v[r].items.size(); i += 2)
        if (v[v[r].items[i]].text == "little_endian") little = v[r].items[i + 1] == PickleValues::kTrue;
      if (!little) error("system information", at_, "only little_endian files are supported");
    });
  }

  // The list of keys, then for each key the element count (int64) and the bytes.
  std::vector<TorchBlob> read_storages(const TorchObjects& objects) {
    std::unordered_map<std::string_view, std::size_t> index;
    for (std::size_t i = 0; i < objects.storages.size(); ++i) index[objects.storages[i].key] = i;
    std::vector<TorchBlob> blobs(objects.storages.size());
    std::vector<std::size_t> order;
    plain("storage keys", [&](const PickleValues& v, PickleValue::Ref r) {
      if (!v[r].is(Kind::list)) error("storage keys", at_, "a list is wanted");
      for (const auto item : v[r].items) {
        const auto known = v[item].is(Kind::string) ? index.find(v[item].text) : index.end();
        if (known == index.end() || blobs[known->second].filled)
          error("storage keys", at_, "a key that no tensor uses or that is listed twice: \"", v[item].text, "\"");
        order.push_back(known->second);
        blobs[known->second].filled = true;
      }
    });
    for (const std::size_t i : order) blobs[i] = read_storage(objects.storages[i]);
    if (at_ != source_.bytes.size()) error("storages", at_, source_.bytes.size() - at_, " bytes after the last one");
    return blobs;
  }

  TorchBlob read_storage(const TorchStorage& s) {
    if (source_.bytes.size() - at_ < 8) error("storages", at_, "the file ends before storage ", s.key);
    std::int64_t count = 0;
    std::memcpy(&count, source_.bytes.data() + at_, 8);
    const std::uint64_t expected = s.bytes / (s.type ? s.type->bytes : 1);
    if (count < 0 || static_cast<std::uint64_t>(count) != expected)
      error("storages", at_, "storage ", s.key, " has ", count, " elements, the pickle says ", expected);
    at_ += 8;
    if (s.bytes > source_.bytes.size() - at_)
      error("storages", at_, "storage ", s.key, " wants ", s.bytes, " bytes, ", source_.bytes.size() - at_,
            " are left");
    TorchBlob blob = blob_at(source_, at_, s.bytes);
    at_ += s.bytes;
    return blob;
  }

  ByteSource source_;
  std::size_t at_ = 0;
};

FOVEA_INLINE TensorFile read_pth(ByteSource source) {
  if (starts_with(source.bytes, "PK")) return read_torch_zip(source);
  return LegacyReader(std::move(source)).read();
}

}  // namespace detail

}  // namespace fovea::inline FOVEA_ABI
