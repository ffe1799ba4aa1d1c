// Pickle: an interpreter of exactly the pickle opcodes that PyTorch's tensor files use (protocols 2 to 5). Layer io;
// pth.h is its user. It builds plain values and executes nothing: a global is only a pair of names that the host must
// know, a call is a question to the host, and every other opcode is refused by name. Memory and time are linear in the
// input: values live once in one list and refer to each other by index, so no copy, comparison or hash ever walks into
// them.
#pragma once

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <fovea/core/json.h>

namespace fovea::inline FOVEA_ABI {

struct PickleValue {
  // big_integer: outside 64 bits, `text` has its decimal digits. global: `text` is "module.name". storage and tensor:
  // made by the host, `integer` is the host's index.
  enum class Kind : std::uint8_t {
    none,
    boolean,
    integer,
    big_integer,
    real,
    string,
    tuple,
    list,
    dict,
    global,
    storage,
    tensor
  };
  using Ref = std::uint32_t;

  Kind kind = Kind::none;
  union {
    std::int64_t integer = 0;  // also 0 or 1 of a boolean
    double real;
  };
  std::string text;
  std::vector<Ref> items;  // elements; of a dict: key, value, key, value, ...

  bool is(Kind k) const { return kind == k; }
  static const char* name(Kind k) {
    constexpr const char* names[] = {"None",    "a bool", "an integer", "a large integer", "a float",   "a string",
                                     "a tuple", "a list", "a dict",     "a global",        "a storage", "a tensor"};
    return names[static_cast<std::size_t>(k)];
  }
};

// The values of one pickle. The first four are always there.
struct PickleValues {
  using Ref = PickleValue::Ref;
  using Kind = PickleValue::Kind;
  static constexpr Ref kNone = 0, kFalse = 1, kTrue = 2, kEmptyTuple = 3;
  static constexpr std::size_t kMaxValues = std::size_t{1} << 22;

  std::vector<PickleValue> all;

  PickleValues() {
    all.resize(4);
    all[kFalse].kind = all[kTrue].kind = Kind::boolean;
    all[kTrue].integer = 1;
    all[kEmptyTuple].kind = Kind::tuple;
  }
  const PickleValue& operator[](Ref r) const { return all[r]; }
  PickleValue& operator[](Ref r) { return all[r]; }
  Ref add(Kind kind, std::int64_t integer = 0) {
    all.emplace_back().kind = kind;
    all.back().integer = integer;
    return static_cast<Ref>(all.size() - 1);
  }
};

namespace detail {

// Two's complement, little endian, up to 255 bytes, as decimal digits.
inline std::string pickle_decimal(std::span<const std::byte> bytes) {
  std::vector<std::uint32_t> n(bytes.size());  // base 256, least significant first, magnitude
  const bool negative = (std::to_integer<int>(bytes.back()) & 0x80) != 0;
  std::uint32_t carry = negative ? 1 : 0;
  for (std::size_t i = 0; i < n.size(); ++i) {
    const auto b = std::to_integer<std::uint32_t>(bytes[i]);
    const std::uint32_t sum = (negative ? 255 - b : b) + carry;
    n[i] = sum & 255;
    carry = sum >> 8;
  }
  std::string digits;
  while (!n.empty()) {
    std::uint32_t rest = 0;
    for (std::size_t i = n.size(); i-- > 0;) {
      const std::uint32_t v = rest * 256 + n[i];
      n[i] = v / 10;
      rest = v % 10;
    }
    digits += static_cast<char>('0' + rest);
    while (!n.empty() && n.back() == 0) n.pop_back();
  }
  if (negative) digits += '-';
  std::ranges::reverse(digits);
  return digits;
}

// The name of an opcode that is not interpreted; null if there is none with that byte.
inline const char* refused_opcode(std::uint8_t op) {
  struct Name {
    std::uint8_t op;
    const char* name;
  };
  static constexpr Name names[] = {{'0', "POP"},
                                   {'1', "POP_MARK"},
                                   {'2', "DUP"},
                                   {'F', "FLOAT"},
                                   {'I', "INT"},
                                   {'L', "LONG"},
                                   {'P', "PERSID"},
                                   {'S', "STRING"},
                                   {'V', "UNICODE"},
                                   {'d', "DICT"},
                                   {'l', "LIST"},
                                   {'i', "INST"},
                                   {'o', "OBJ"},
                                   {'g', "GET"},
                                   {'p', "PUT"},
                                   {'B', "BINBYTES"},
                                   {'C', "SHORT_BINBYTES"},
                                   {0x81, "NEWOBJ"},
                                   {0x82, "EXT1"},
                                   {0x83, "EXT2"},
                                   {0x84, "EXT4"},
                                   {0x8b, "LONG4"},
                                   {0x8d, "BINUNICODE8"},
                                   {0x8e, "BINBYTES8"},
                                   {0x8f, "EMPTY_SET"},
                                   {0x90, "ADDITEMS"},
                                   {0x91, "FROZENSET"},
                                   {0x92, "NEWOBJ_EX"},
                                   {0x96, "BYTEARRAY8"},
                                   {0x97, "NEXT_BUFFER"},
                                   {0x98, "READONLY_BUFFER"}};
  for (const Name& n : names)
    if (n.op == op) return n.name;
  return nullptr;
}

}  // namespace detail

// Host: what the pickle may refer to. Each of these returns a value, or raises an error for what it does not know.
//   bool knows(std::string_view module, std::string_view name);        // "torch", "FloatStorage"
//   Ref call(PickleValues&, const std::string& global, Ref arguments, const Where&);  // REDUCE; arguments: a tuple
//   Ref persistent(PickleValues&, Ref id, const Where&);                 // BINPERSID
template <class Host>
class Pickle {
 public:
  using Ref = PickleValue::Ref;
  using Kind = PickleValue::Kind;

  // Reads from `bytes`, which lie at `where.offset` of the file.
  Pickle(std::span<const std::byte> bytes, const Where& where, Host& host)
      : bytes_(bytes), where_(where), host_(host) {}

  // Runs to STOP and returns the one value that is left.
  Ref run() {
    if (read_u8() != 0x80) error(0, "no pickle of protocol 2 or later starts here");
    if (const int protocol = read_u8(); protocol < 2 || protocol > 5) error(1, "pickle protocol ", protocol);
    while (step()) {}
    if (stack_.size() != 1 || !marks_.empty())
      error(at_, "STOP with ", stack_.size(), " values and ", marks_.size(),
            " marks on the stack, one value is wanted");
    return stack_[0];
  }
  // Bytes used by run().
  std::size_t end() const { return at_; }
  const PickleValues& values() const { return values_; }

 private:
  template <class... Parts>
  [[noreturn]] void error(std::size_t at, const Parts&... parts) const {
    fail_data({.file = where_.file, .field = where_.field, .offset = where_.offset + at}, parts...);
  }

  Where here() const { return {where_.file, where_.field, where_.offset + at_ - 1}; }

  // --- input ---
  std::span<const std::byte> take(std::uint64_t n) {
    if (n > bytes_.size() - at_) error(at_, n, " bytes are wanted, ", bytes_.size() - at_, " are left");
    const auto s = bytes_.subspan(at_, static_cast<std::size_t>(n));
    at_ += static_cast<std::size_t>(n);
    return s;
  }
  template <class T>
  T read() {
    T v{};
    std::memcpy(&v, take(sizeof v).data(), sizeof v);
    return v;
  }
  std::uint8_t read_u8() { return read<std::uint8_t>(); }
  std::string read_text(std::uint64_t n) {
    const std::size_t start = at_;
    const auto s = take(n);
    std::string text(reinterpret_cast<const char*>(s.data()), s.size());
    if (invalid_utf8(text) != std::string_view::npos) error(start, "a string that is not valid UTF-8");
    return text;
  }
  std::string read_line() {
    const auto rest = bytes_.subspan(at_, std::min<std::size_t>(bytes_.size() - at_, 256));
    const auto newline = std::ranges::find(rest, std::byte{'\n'});
    if (newline == rest.end()) error(at_, "a name without its end of line");
    std::string line = read_text(static_cast<std::uint64_t>(newline - rest.begin()));
    ++at_;
    return line;
  }

  // --- stack ---
  void push(Ref r) { stack_.push_back(r); }
  Ref make(Kind kind, std::int64_t integer = 0) {
    if (values_.all.size() >= PickleValues::kMaxValues) error(at_, "more than ", PickleValues::kMaxValues, " values");
    return values_.add(kind, integer);
  }
  void push_text(Kind kind, std::string text) {
    push(make(kind));
    values_[stack_.back()].text = std::move(text);
  }
  // Values above the last mark, which must leave `keep` below them.
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Ref pop() {
    if (stack_.size() <= floor()) error(at_ - 1, "the stack is empty");
    const Ref r = stack_.back();
    stack_.pop_back();
    return r;
  }
  Ref top() const {
    if (stack_.size() <= floor()) error(at_ - 1, "the stack is empty");
    return stack_.back();
  }
  std::vector<Ref> pop_to_mark() {
    if (marks_.empty()) error(at_ - 1, "no MARK on the stack");
    std::vector<Ref> items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }
  std::vector<Ref> pop_values(std::size_t n) {
    std::vector<Ref> items(n);
    for (std::size_t i = n; i-- > 0;) items[i] = pop();
    return items;
  }
  PickleValue& target(Kind kind) {
    PickleValue& v = values_[top()];
    if (!v.is(kind))
      error(at_ - 1, PickleValue::name(kind), " is wanted on the stack, found ", PickleValue::name(v.kind));
    return v;
  }

  // --- opcodes ---
  void push_tuple(std::vector<Ref> items) {
    push(make(Kind::tuple));
    values_[stack_.back()].items = std::move(items);
  }
  void append(const std::vector<Ref>& items) {
    auto& list = target(Kind::list).items;
    list.insert(list.end(), items.begin(), items.end());
  }
  void set_items(const std::vector<Ref>& items) {
    auto& dict = target(Kind::dict).items;
    if (items.size() % 2 != 0) error(at_ - 1, "a dict key without value");
    for (std::size_t i = 0; i < items.size(); i += 2) {
      const Kind key = values_[items[i]].kind;
      if (key != Kind::string && key != Kind::integer)
        error(at_ - 1, "a dict key must be a string or an integer, found ", PickleValue::name(key));
    }
    dict.insert(dict.end(), items.begin(), items.end());
  }
  void push_long() {
    const auto bytes = take(read_u8());
    if (bytes.size() > 8) return push_text(Kind::big_integer, detail::pickle_decimal(bytes));
    std::uint64_t v = !bytes.empty() && (std::to_integer<int>(bytes.back()) & 0x80) ? ~std::uint64_t{0} : 0;
    if (!bytes.empty()) std::memcpy(&v, bytes.data(), bytes.size());
    push(make(Kind::integer, static_cast<std::int64_t>(v)));
  }
  void push_float() {
    const auto bytes = take(8);
    std::uint64_t v = 0;
    for (const std::byte b : bytes) v = (v << 8) | std::to_integer<std::uint64_t>(b);
    push(make(Kind::real));
    values_[stack_.back()].real = std::bit_cast<double>(v);
  }
  void push_global(const std::string& module, const std::string& name) {
    std::string global = module + '.' + name;
    if (!host_.knows(module, name)) error(at_ - 1, "the global ", global, " is not needed for tensors and is refused");
    push_text(Kind::global, std::move(global));
  }
  void stack_global() {
    const auto names = pop_values(2);
    for (const Ref r : names)
      if (!values_[r].is(Kind::string)) error(at_ - 1, "a global wants two strings");
    push_global(values_[names[0]].text, values_[names[1]].text);
  }
  void reduce() {
    const Ref arguments = pop(), callable = pop();
    if (!values_[callable].is(Kind::global))
      error(at_ - 1, "a call of ", PickleValue::name(values_[callable].kind), " is refused");
    if (!values_[arguments].is(Kind::tuple)) error(at_ - 1, "the arguments of a call must be a tuple");
    const std::string global = values_[callable].text;
    push(host_.call(values_, global, arguments, here()));
  }
  // OrderedDict's attributes: state_dict() hangs a _metadata dict on it, which says nothing about tensors.
  void build() {
    const Ref state = pop();
    target(Kind::dict);
    const PickleValue& s = values_[state];
    const bool known = s.is(Kind::dict) && s.items.size() == 2 && values_[s.items[0]].text == "_metadata";
    if (!known) error(at_ - 1, "BUILD with a state other than _metadata is refused");
  }
  void put(std::uint32_t index) {
    memo_[index] = top();
    if (memo_.size() > PickleValues::kMaxValues)
      error(at_ - 1, "more than ", PickleValues::kMaxValues, " memo entries");
  }
  void get(std::uint32_t index) {
    const auto r = memo_.find(index);
    if (r == memo_.end()) error(at_ - 1, "memo entry ", index, " was never put");
    push(r->second);
  }

  // One opcode; false at STOP.
  bool step() {
    const std::size_t start = at_;
    const std::uint8_t op = read_u8();
    switch (op) {
      case '.':
        return false;
      case '(':
        marks_.push_back(stack_.size());
        break;
      case 'N':
        push(PickleValues::kNone);
        break;
      case 0x88:
        push(PickleValues::kTrue);
        break;
      case 0x89:
        push(PickleValues::kFalse);
        break;
      case 'J':
        push(make(Kind::integer, read<std::int32_t>()));
        break;
      case 'K':
        push(make(Kind::integer, read_u8()));
        break;
      case 'M':
        push(make(Kind::integer, read<std::uint16_t>()));
        break;
      case 0x8a:
        push_long();
        break;  // LONG1
      case 'G':
        push_float();
        break;  // BINFLOAT
      case 'X':
        push_text(Kind::string, read_text(read<std::uint32_t>()));
        break;  // BINUNICODE
      case 0x8c:
        push_text(Kind::string, read_text(read_u8()));
        break;  // SHORT_BINUNICODE
      case 'T':
        push_text(Kind::string, read_text(read<std::uint32_t>()));
        break;  // BINSTRING, as Python 2 wrote
      case 'U':
        push_text(Kind::string, read_text(read_u8()));
        break;  // SHORT_BINSTRING
      case ')':
        push(PickleValues::kEmptyTuple);
        break;
      case 0x85:
        push_tuple(pop_values(1));
        break;
      case 0x86:
        push_tuple(pop_values(2));
        break;
      case 0x87:
        push_tuple(pop_values(3));
        break;
      case 't':
        push_tuple(pop_to_mark());
        break;
      case ']':
        push(make(Kind::list));
        break;
      case 'a':
        append(pop_values(1));
        break;
      case 'e':
        append(pop_to_mark());
        break;
      case '}':
        push(make(Kind::dict));
        break;
      case 's':
        set_items(pop_values(2));
        break;
      case 'u':
        set_items(pop_to_mark());
        break;
      case 'q':
        put(read_u8());
        break;  // BINPUT
      case 'r':
        put(read<std::uint32_t>());
        break;  // LONG_BINPUT
      case 0x94:
        put(static_cast<std::uint32_t>(memo_.size()));
        break;  // MEMOIZE
      case 'h':
        get(read_u8());
        break;
      case 'j':
        get(read<std::uint32_t>());
        break;
      case 'c': {
        const std::string module = read_line();
        push_global(module, read_line());
        break;
      }
      case 0x93:
        stack_global();
        break;
      case 'R':
        reduce();
        break;
      case 'b':
        build();
        break;
      case 'Q':
        push(host_.persistent(values_, pop(), here()));
        break;    // BINPERSID
      case 0x95:  // FRAME: only a promise of bytes
        if (const auto n = read<std::uint64_t>(); n > bytes_.size() - at_) error(start, "a frame of ", n, " bytes");
        break;
      default:
        if (const char* name = detail::refused_opcode(op)) error(start, "pickle opcode ", name, " is refused");
        error(start, "unknown pickle opcode ", int{op});
    }
    return true;
  }

  std::span<const std::byte> bytes_;
  Where where_;
  Host& host_;
  std::size_t at_ = 0;
  PickleValues values_;
  std::vector<Ref> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, Ref> memo_;
};

}  // namespace fovea::inline FOVEA_ABI
