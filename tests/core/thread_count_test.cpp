#include <fovea/core/thread_count.h>
#include <support/catch.h>

using namespace fovea;
using namespace fovea::detail;

TEST_CASE("a cgroup v2 quota is rounded up to CPUs") {
  CHECK(cgroup_v2_cpus("max 100000\n") == 0);
  CHECK(cgroup_v2_cpus("150000 100000\n") == 2);
  CHECK(cgroup_v2_cpus("200000 100000\n") == 2);
  CHECK(cgroup_v2_cpus("200001 100000") == 3);
  CHECK(cgroup_v2_cpus("1000 100000\n") == 1);
  CHECK(cgroup_v2_cpus("50000 25000\n") == 2);
}

TEST_CASE("a cgroup v1 quota is rounded up to CPUs") {
  CHECK(cgroup_v1_cpus("-1\n", "100000\n") == 0);
  CHECK(cgroup_v1_cpus("150000\n", "100000\n") == 2);
  CHECK(cgroup_v1_cpus("100000\n", "100000\n") == 1);
  CHECK(cgroup_v1_cpus("9223372036854775807", "1") == kMaxThreads);
}

TEST_CASE("an unreadable quota is no limit") {
  for (const char* text : {"", "\n", "100000", "max", " ", "a b", "100000 0", "100000 -5", "0 100000", "1e5 100000",
                           "100000 100000 1", "99999999999999999999 100000"})
    CHECK(cgroup_v2_cpus(text) == 0);
  CHECK(cgroup_v1_cpus("", "") == 0);
  CHECK(cgroup_v1_cpus("100000", "") == 0);
  CHECK(cgroup_v1_cpus("0", "100000") == 0);
}

TEST_CASE("the cgroup of a process is found by its controller") {
  const char* v1 =
      "12:cpuset:/\n4:cpu,cpuacct:/docker/ab:c\n3:memory:/m\n1:name=systemd:/init.scope\n0::/system.slice/x\n";
  CHECK(cgroup_path(v1, "cpu") == "/docker/ab:c");
  CHECK(cgroup_path(v1, "cpuacct") == "/docker/ab:c");
  CHECK(cgroup_path(v1, "memory") == "/m");
  CHECK(cgroup_path(v1, "") == "/system.slice/x");
  CHECK(cgroup_path("0::/\n", "") == "/");
  CHECK(cgroup_path("0::/\n", "cpu").empty());
  CHECK(cgroup_path("0::/no-newline", "") == "/no-newline");
  for (const char* odd : {"", "\n", ":", "::", "\n\n:\n", "4:cpu"}) CHECK(cgroup_path(odd, "cpu").empty());
}

TEST_CASE("the tighter of two limits holds, and 0 is none") {
  CHECK(smaller_limit(0, 0) == 0);
  CHECK(smaller_limit(0, 3) == 3);
  CHECK(smaller_limit(2, 0) == 2);
  CHECK(smaller_limit(2, 3) == 2);
}

TEST_CASE("this process may use at least one CPU, and no more than its affinity mask") {
  CHECK(available_cpus() >= 1);
  CHECK(available_cpus() <= affinity_cpus());
  CHECK(cgroup_cpus() >= 0);
}
