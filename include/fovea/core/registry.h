// The kernel registry: the one mechanism by which anything fast plugs in. Layer core.
//
// An op describes its work as a plain struct Args of sizes, strides and pointers; a kernel is a row of a table. Each
// device has its own table per Args, best row first; the first row whose instruction set is allowed and which accepts
// the arguments runs. The CPU's table is constexpr (cpu/<kernel>/table.h) and ends with the reference kernel, which
// takes everything. Another device fills its slot by one explicit call of install_kernels.
//
// Args has two static members: `name` ("conv2d") and `cpu_kernels()`, and prints with operator<<.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include <fovea/core/cpu.h>
#include <fovea/core/storage.h>

namespace fovea::inline FOVEA_ABI {

template <class Args>
struct Kernel {
  const char* name;  // operation_types_tile_target, e.g. "conv2d_f32_6x4_avx512"
  Isa needs;
  bool (*accepts)(const Args&);
  void (*run)(const Args&);
  // Rows that read their weights in an order of their own: bytes of the packed copy, and the function that writes it.
  // The caller keeps the copy (a storage's side slot, or a Plan) and passes it as args.packed.
  std::size_t (*packed_bytes)(const Args&) = nullptr;
  void (*pack)(const Args&, std::byte* packed) = nullptr;
};

namespace detail {
template <class Args>
inline std::span<const Kernel<Args>> installed_kernels[kDevices];
}

// The table of a device, best row first; empty where nothing is installed.
template <class Args>
std::span<const Kernel<Args>> kernels(Device device) {
  if (device == Device::cpu) return Args::cpu_kernels();
  return detail::installed_kernels<Args>[static_cast<std::size_t>(device)];
}

// Fills the slot of a device other than the CPU. Call it before tensors of that device exist; the rows must stay alive.
template <class Args>
void install_kernels(Device device, std::span<const Kernel<Args>> rows) {
  if (device == Device::cpu) fail("install_kernels: the CPU's table is fixed");
  detail::installed_kernels<Args>[static_cast<std::size_t>(device)] = rows;
}

namespace detail {
inline bool log_kernels() {
  static const bool on = [] {
    const char* log = std::getenv("FOVEA_LOG");
    return log && std::strstr(log, "kernels") != nullptr;
  }();
  return on;
}
}  // namespace detail

// The names of the rows that served this thread's calls while it is alive, in order; scopes nest, the innermost
// records.
class KernelLog {
 public:
  KernelLog() : outer_(std::exchange(current_, this)) {}
  ~KernelLog() { current_ = outer_; }
  KernelLog(const KernelLog&) = delete;
  KernelLog& operator=(const KernelLog&) = delete;

  static KernelLog* current() { return current_; }
  const std::vector<const char*>& rows() const { return rows_; }
  void add(const char* row) { rows_.push_back(row); }

 private:
  static inline thread_local KernelLog* current_ = nullptr;
  KernelLog* outer_;
  std::vector<const char*> rows_;
};

// The row that serves these arguments. FOVEA_LOG=kernels prints it with the arguments to stderr.
template <class Args>
const Kernel<Args>& choose(const Args& args, Device device = Device::cpu) {
  for (const Kernel<Args>& row : kernels<Args>(device)) {
    if (!allowed(row.needs) || !row.accepts(args)) continue;
    if (KernelLog* log = KernelLog::current()) log->add(row.name);
    if (detail::log_kernels()) std::fprintf(stderr, "fovea: %s\n", to_text(row.name, "  ", args).c_str());
    return row;
  }
  fail_as(Code::unavailable, Args::name, ": no kernel of this device accepts ", args);
}

// Rows that take any arguments name this.
template <class Args>
bool accepts_all(const Args&) {
  return true;
}

}  // namespace fovea::inline FOVEA_ABI
