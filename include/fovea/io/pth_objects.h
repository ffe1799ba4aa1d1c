// What a PyTorch pickle may refer to: storages, tensors on them, dtypes, OrderedDict, torch.Size. Layer io; the host of
// pickle.h, used by pth.h. Nothing is read or allocated here: a tensor is a checked description of a part of a storage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <fovea/core/any_tensor.h>
#include <fovea/io/pickle.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {

struct TorchType {
  std::string_view name;     // torch.NAME
  std::string_view storage;  // torch.STORAGE; empty: only in untyped storages
  std::uint64_t bytes;
  std::optional<DType> dtype;  // none: we have no such element type, the tensor stays opaque
};
inline constexpr TorchType kTorchTypes[] = {
    {"float32", "FloatStorage", 4, DType::f32},
    {"float64", "DoubleStorage", 8, DType::f64},
    {"bfloat16", "BFloat16Storage", 2, DType::bf16},
    {"float16", "HalfStorage", 2, DType::f16},
    {"int8", "CharStorage", 1, DType::i8},
    {"uint8", "ByteStorage", 1, DType::u8},
    {"int16", "ShortStorage", 2, DType::i16},
    {"int32", "IntStorage", 4, DType::i32},
    {"int64", "LongStorage", 8, DType::i64},
    {"bool", "BoolStorage", 1, DType::boolean},
    {"complex64", "ComplexFloatStorage", 8, {}},
    {"complex128", "ComplexDoubleStorage", 16, {}},
    {"uint16", "", 2, {}},
    {"uint32", "", 4, {}},
    {"uint64", "", 8, {}},
    {"float8_e4m3fn", "", 1, {}},
    {"float8_e5m2", "", 1, {}},
    {"float8_e4m3fnuz", "", 1, {}},
    {"float8_e5m2fnuz", "", 1, {}},
    {"float8_e8m0fnu", "", 1, {}},
};
inline const TorchType* torch_type(std::string_view TorchType::*field, std::string_view name) {
  for (const TorchType& t : kTorchTypes)
    if (!name.empty() && t.*field == name) return &t;
  return nullptr;
}

struct TorchStorage {
  std::string key;
  const TorchType* type;  // null: untyped
  std::uint64_t bytes;
};

struct TorchTensor {
  std::size_t storage;  // index into TorchObjects::storages
  const TorchType* type;
  std::uint64_t offset;  // elements
  std::vector<std::int64_t> sizes, strides;
  std::uint64_t numel;
};

class TorchObjects {
 public:
  using Ref = PickleValue::Ref;
  using Kind = PickleValue::Kind;

  std::vector<TorchStorage> storages;
  std::vector<TorchTensor> tensors;

  bool knows(std::string_view module, std::string_view name) const {
    if (module == "collections") return name == "OrderedDict";
    if (module == "torch.storage") return name == "UntypedStorage";
    if (module == "torch._utils")
      return name == "_rebuild_tensor" || name == "_rebuild_tensor_v2" || name == "_rebuild_tensor_v3" ||
             name == "_rebuild_parameter";
    if (module != "torch") return false;
    return name == "Size" || torch_type(&TorchType::name, name) || torch_type(&TorchType::storage, name);
  }

  Ref call(PickleValues& values, const std::string& global, Ref arguments, const Where& where) {
    const std::vector<Ref> args = values[arguments].items;
    if (global == "collections.OrderedDict") return ordered_dict(values, args, where);
    if (global == "torch.Size") {
      if (args.size() != 1 || !values[args[0]].is(Kind::tuple)) fail_data(where, "torch.Size wants a tuple");
      return args[0];
    }
    if (global == "torch._utils._rebuild_parameter") {
      if (args.size() != 3 || !values[args[0]].is(Kind::tensor))
        fail_data(where, "_rebuild_parameter wants a tensor first");
      return args[0];
    }
    if (global.starts_with("torch._utils._rebuild_tensor")) return tensor(values, global, args, where);
    fail_data(where, "a call of ", global, " is refused");
  }

  // ("storage", class, key, location, elements): the location ("cuda:0") means nothing to us.
  Ref persistent(PickleValues& values, Ref id, const Where& where) {
    const std::vector<Ref>& p = values[id].items;
    const bool view = p.size() == 6 && !values[p[5]].is(Kind::none);
    if (!values[id].is(Kind::tuple) || p.size() < 5 || p.size() > 6 || values[p[0]].text != "storage")
      fail_data(where, "a persistent id must be ('storage', class, key, location, elements)");
    if (view) fail_data(where, "a view of a storage (PyTorch before 0.4) is not supported");
    if (!values[p[1]].is(Kind::global) || !values[p[2]].is(Kind::string) || !values[p[3]].is(Kind::string))
      fail_data(where, "the class, key and location of a storage must be a global and two strings");
    if (values[p[2]].text.size() > kMaxKey)
      fail_data(where, "a storage key of ", values[p[2]].text.size(), " bytes, at most ", kMaxKey, " are allowed");
    const std::string_view full = values[p[1]].text;
    const std::string_view name = full.starts_with("torch.") ? full.substr(6) : full;
    const TorchType* type = torch_type(&TorchType::storage, name);
    if (!type && name != "storage.UntypedStorage") fail_data(where, full, " is no storage class");
    const std::uint64_t elements = size(values, p[4], "the element count of a storage", where);
    TorchStorage s{values[p[2]].text, type, 0};
    if (__builtin_mul_overflow(elements, type ? type->bytes : 1, &s.bytes))
      fail_data(where, elements, " elements overflow");
    return add_storage(values, std::move(s), where);
  }

 private:
  static constexpr std::size_t kMaxRank = 64;          // PyTorch's own limit
  static constexpr std::size_t kMaxKey = 256;          // bytes; keys are numbers
  static constexpr std::size_t kMaxCopied = 1u << 24;  // elements of containers that are copied, all calls together

  // A pickle can name one long container in many calls: what they copy out of it is limited.
  void count_copied(std::size_t n, const Where& where) {
    copied_ += n;
    if (copied_ > kMaxCopied) fail_data(where, "calls with more than ", kMaxCopied, " values in all");
  }

  Ref ordered_dict(PickleValues& values, const std::vector<Ref>& args, const Where& where) {
    std::vector<Ref> items;
    if (args.size() > 1) fail_data(where, "OrderedDict wants at most one argument");
    if (args.size() == 1) {  // Python 2 passes the items as a list of pairs
      if (!values[args[0]].is(Kind::list)) fail_data(where, "OrderedDict wants a list of pairs");
      count_copied(2 * values[args[0]].items.size(), where);
      for (const Ref pair : values[args[0]].items) {
        const std::vector<Ref>& p = values[pair].items;
        if (!(values[pair].is(Kind::list) || values[pair].is(Kind::tuple)) || p.size() != 2 ||
            !values[p[0]].is(Kind::string))
          fail_data(where, "OrderedDict wants pairs of a string and a value");
        items.insert(items.end(), p.begin(), p.end());
      }
    }
    const Ref dict = values.add(Kind::dict);
    values[dict].items = std::move(items);
    return dict;
  }

  Ref add_storage(PickleValues& values, TorchStorage s, const Where& where) {
    const auto [place, fresh] = by_key_.try_emplace(s.key, storages.size());
    if (fresh) {
      storages.push_back(std::move(s));
    } else if (const TorchStorage& old = storages[place->second]; old.type != s.type || old.bytes != s.bytes) {
      fail_data(where, "storage ", s.key, " has ", s.bytes, " bytes here and ", old.bytes, " before, or another class");
    }
    return values.add(Kind::storage, static_cast<std::int64_t>(place->second));
  }

  // _rebuild_tensor(storage, offset, sizes, strides), _v2(..., requires_grad, hooks[, metadata]), _v3(v2's six, dtype[,
  // ..]).
  Ref tensor(PickleValues& values, const std::string& global, const std::vector<Ref>& args, const Where& where) {
    const bool v3 = global.ends_with("_v3"), v2 = global.ends_with("_v2");
    const std::size_t least = v3 ? 7 : v2 ? 6 : 4, most = v3 ? 8 : v2 ? 7 : 4;
    if (args.size() < least || args.size() > most)
      fail_data(where, global, " has ", args.size(), " arguments, ", least, " are wanted");
    if (!values[args[0]].is(Kind::storage)) fail_data(where, global, ": the first argument must be a storage");
    if (least > 4 && !values[args[4]].is(Kind::boolean)) fail_data(where, global, ": requires_grad must be a bool");
    if (least > 4 && !values[args[5]].is(Kind::dict) && !values[args[5]].is(Kind::none))
      fail_data(where, global, ": backward_hooks must be a dict");
    TorchTensor t;
    t.storage = static_cast<std::size_t>(values[args[0]].integer);
    t.type = storages[t.storage].type;
    if (v3) {
      const PickleValue& dtype = values[args[6]];
      const bool named = dtype.is(Kind::global) && dtype.text.starts_with("torch.");
      t.type = named ? torch_type(&TorchType::name, std::string_view(dtype.text).substr(6)) : nullptr;
    }
    if (!t.type) fail_data(where, global, ": the tensor's dtype is not given");
    t.offset = size(values, args[1], "storage_offset", where);
    t.sizes = sizes(values, args[2], "size", where);
    t.strides = sizes(values, args[3], "stride", where);
    check_inside(t, where);
    tensors.push_back(std::move(t));
    return values.add(Kind::tensor, static_cast<std::int64_t>(tensors.size() - 1));
  }

  static std::uint64_t size(const PickleValues& values, Ref r, const char* what, const Where& where) {
    const PickleValue& v = values[r];
    if (!v.is(Kind::integer))
      fail_data(where, what, " must be an integer of 64 bits, found ", PickleValue::name(v.kind));
    if (v.integer < 0) fail_data(where, what, " is ", v.integer, ", at least 0 is wanted");
    return static_cast<std::uint64_t>(v.integer);
  }
  std::vector<std::int64_t> sizes(const PickleValues& values, Ref r, const char* what, const Where& where) {
    if (!values[r].is(Kind::tuple))
      fail_data(where, what, " must be a tuple, found ", PickleValue::name(values[r].kind));
    const std::size_t rank = values[r].items.size();
    if (rank > kMaxRank) fail_data(where, what, " has ", rank, " dimensions, at most ", kMaxRank, " are allowed");
    count_copied(rank, where);
    std::vector<std::int64_t> out;
    for (const Ref item : values[r].items) out.push_back(static_cast<std::int64_t>(size(values, item, what, where)));
    return out;
  }

  // The element count, without overflow, also beside a zero; and the last element inside the storage.
  void check_inside(TorchTensor& t, const Where& where) const {
    if (t.sizes.size() != t.strides.size())
      fail_data(where, "a tensor has ", t.sizes.size(), " sizes and ", t.strides.size(), " strides");
    std::uint64_t nonzero = 1, last = t.offset, end = 0;
    bool empty = false, overflow = false;
    for (std::size_t d = 0; d < t.sizes.size(); ++d) {
      const auto n = static_cast<std::uint64_t>(t.sizes[d]);
      empty = empty || n == 0;
      if (n == 0) continue;
      std::uint64_t reach = 0;
      overflow |= __builtin_mul_overflow(nonzero, n, &nonzero);
      overflow |= __builtin_mul_overflow(n - 1, static_cast<std::uint64_t>(t.strides[d]), &reach);
      overflow |= __builtin_add_overflow(last, reach, &last);
    }
    overflow |= nonzero > static_cast<std::uint64_t>(Shape::kMaxCount);
    overflow |= __builtin_mul_overflow(empty ? t.offset : last + 1, t.type->bytes, &end);
    if (overflow) fail_data(where, "the sizes and strides of a tensor overflow 64 bits");
    if (const TorchStorage& s = storages[t.storage]; end > s.bytes)
      fail_data(where, "a tensor reaches to byte ", end, " of storage ", s.key, ", which has ", s.bytes);
    t.numel = empty ? 0 : nonzero;
  }

  std::unordered_map<std::string, std::size_t> by_key_;
  std::size_t copied_ = 0;
};

}  // namespace detail

}  // namespace fovea::inline FOVEA_ABI
