// How many threads parallel_for uses: FOVEA_THREADS, or the CPUs that this process may really use (affinity mask and
// cgroup quota, never the machine's core count). Layer core; read parallel_for.h first.
#pragma once

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#if defined(__linux__)
#  include <sched.h>
#elif !defined(FOVEA_SINGLE_THREAD)
#  include <thread>
#endif

#include <fovea/core/error.h>

namespace fovea::inline FOVEA_ABI {

inline constexpr int kMaxThreads = 1024;

namespace detail {
// The whole of `text` as a decimal number, spaces around it allowed; `otherwise` if it is anything else.
inline std::int64_t parse_count(std::string_view text, std::int64_t otherwise) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace), last = text.find_last_not_of(kSpace);
  if (first == std::string_view::npos) return otherwise;
  text = text.substr(first, last - first + 1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : otherwise;
}

// CPUs that a quota of `quota` microseconds in each `period` amounts to, rounded up; 0 = no limit.
inline int quota_cpus(std::int64_t quota, std::int64_t period) {
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<int>(std::min<std::int64_t>(quota / period + (quota % period != 0), kMaxThreads));
}
// cgroup v1: the contents of cpu.cfs_quota_us ("-1" = no limit) and cpu.cfs_period_us.
inline int cgroup_v1_cpus(std::string_view quota_us, std::string_view period_us) {
  return quota_cpus(parse_count(quota_us, 0), parse_count(period_us, 0));
}
// cgroup v2: the contents of cpu.max, "150000 100000" or "max 100000".
inline int cgroup_v2_cpus(std::string_view cpu_max) {
  const std::size_t space = cpu_max.find(' ');
  if (space == std::string_view::npos) return 0;
  return cgroup_v1_cpus(cpu_max.substr(0, space), cpu_max.substr(space));
}

// The path of this process in the hierarchy of `controller` ("" = v2), from the contents of /proc/self/cgroup, whose
// lines read "4:cpu,cpuacct:/path" or "0::/path". Empty if there is none.
inline std::string_view cgroup_path(std::string_view proc_self_cgroup, std::string_view controller) {
  while (!proc_self_cgroup.empty()) {
    const std::string_view line = proc_self_cgroup.substr(0, proc_self_cgroup.find('\n'));
    proc_self_cgroup.remove_prefix(std::min(line.size() + 1, proc_self_cgroup.size()));
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    std::string_view names = line.substr(first + 1, second - first - 1);
    if (names.empty() && controller.empty()) return line.substr(second + 1);
    while (!names.empty()) {
      const std::string_view name = names.substr(0, names.find(','));
      if (name == controller) return line.substr(second + 1);
      names.remove_prefix(std::min(name.size() + 1, names.size()));
    }
  }
  return {};
}

// The first 4 KB of a small kernel file; empty if it cannot be read.
inline std::string read_small_file(const std::string& path) {
  char text[4096];
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (!file) return {};
  const std::size_t n = std::fread(text, 1, sizeof text, file);
  std::fclose(file);
  return {text, n};
}

inline int smaller_limit(int a, int b) { return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b); }

// The tightest quota of the process's cgroup and all above it; 0 = none. Inside a container the path may name folders
// that only the host sees; the root of the mount then holds the container's own limit, so the walk ends there.
inline int cgroup_cpus() {
  const std::string self = read_small_file("/proc/self/cgroup");
  const std::string root = "/sys/fs/cgroup";
  int cpus = 0;
  const auto walk = [&](std::string path, auto&& limit_of) {
    for (;;) {
      while (!path.empty() && path.back() == '/') path.pop_back();
      cpus = smaller_limit(cpus, limit_of(path));
      if (path.empty()) return;
      path.resize(std::min(path.rfind('/'), path.size() - 1));
    }
  };
  walk(std::string(cgroup_path(self, "")),
       [&](const std::string& path) { return cgroup_v2_cpus(read_small_file(root + path + "/cpu.max")); });
  walk(std::string(cgroup_path(self, "cpu")), [&](const std::string& path) {
    return cgroup_v1_cpus(read_small_file(root + "/cpu" + path + "/cpu.cfs_quota_us"),
                          read_small_file(root + "/cpu" + path + "/cpu.cfs_period_us"));
  });
  return cpus;
}

// CPUs in the affinity mask of the calling thread.
inline int affinity_cpus() {
#if defined(__linux__)
  unsigned long mask[1024] = {};  // cpu_set_t stops at 1,024 CPUs, and the call fails on a larger machine
  if (sched_getaffinity(0, sizeof mask, reinterpret_cast<cpu_set_t*>(mask)) != 0) return 1;
  int n = 0;
  for (const unsigned long word : mask) n += std::popcount(word);
  return std::max(n, 1);
#elif !defined(FOVEA_SINGLE_THREAD)
  return std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
#else
  return 1;
#endif
}

inline int available_cpus() { return smaller_limit(affinity_cpus(), cgroup_cpus()); }

// Checks the number that FOVEA_THREADS or a caller asks for; `what` names it in the message.
inline int checked_thread_count(std::int64_t n, std::string_view what, std::string_view found) {
  if (n < 1 || n > kMaxThreads)
    fail(what, " is \"", found, "\", wanted is a number of threads from 1 to ", kMaxThreads);
  return static_cast<int>(n);
}

inline int default_thread_count() {
  const char* value = std::getenv("FOVEA_THREADS");
  if (value && *value) return checked_thread_count(parse_count(value, 0), "FOVEA_THREADS", value);
  return std::min(available_cpus(), kMaxThreads);
}
}  // namespace detail

}  // namespace fovea::inline FOVEA_ABI
