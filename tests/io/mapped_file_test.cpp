#include <fovea/io/mapped_file.h>

#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <thread>

#include <fovea/io/safetensors.h>
#include <support/catch.h>
#include <support/support.h>

#include "temporary_folder.h"

namespace fovea::test {
namespace {

// Sum of all tensors' bytes; the point is that every byte is touched.
unsigned read_everything(const TensorFile& file) {
  unsigned sum = 0;
  for (const auto& [name, t] : file.tensors)
    for (const std::byte b : std::span(t.data(), t.bytes())) sum += std::to_integer<unsigned>(b);
  return sum;
}

NamedTensors two_megabytes() {
  return {{"a", Tensor<float>({1 << 18}, 1.0f)}, {"b", Tensor<std::uint8_t>({1 << 20}, std::uint8_t{1})}};
}

}  // namespace

TEST_CASE("a file cut short while it is mapped gives an error, not a signal") {
  const TemporaryFolder folder;
  save_safetensors(folder / "a", two_megabytes());
  const TensorFile file = load_safetensors(folder / "a");
  const unsigned whole = read_everything(file);
  CHECK_FALSE(file.damaged());
  file.check();
  std::filesystem::resize_file(folder / "a", 100000);
  CHECK(read_everything(file) < whole);
  CHECK(file.damaged());
  CHECK_THROWS_WITH(file.check(), Catch::Contains("cut short"));
  std::filesystem::resize_file(folder / "a", 3 << 20);  // growing again does not bring the bytes back
  CHECK(file.damaged());
}

TEST_CASE("a cut within the last page raises no signal and is noticed all the same") {
  const TemporaryFolder folder;
  const auto path = folder.write("a", std::string(5000, 'x'));
  const auto file = MappedFile::open(path);
  std::filesystem::resize_file(path, 4999);
  CHECK(file->bytes()[4999] == std::byte{0});
  CHECK(file->damaged());
}

TEST_CASE("a damaged mapping says nothing about the ones beside it and after it") {
  const TemporaryFolder folder;
  const auto one = folder.write("one", std::string(50000, 'x')), two = folder.write("two", std::string(50000, 'y'));
  const auto other = MappedFile::open(two);
  {
    const auto file = MappedFile::open(one);
    std::filesystem::resize_file(one, 1);
    CHECK(file->bytes()[40000] == std::byte{0});
    CHECK(file->damaged());
  }
  CHECK(other->bytes()[40000] == std::byte{'y'});
  CHECK_FALSE(other->damaged());
  CHECK_FALSE(MappedFile::open(two)->damaged());
}

TEST_CASE("threads may map, lose and release files at the same time") {
  const TemporaryFolder folder;
  std::atomic<int> noticed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const auto path = folder.write("file" + std::to_string(t), std::string(20000, 'x'));
        const auto file = MappedFile::open(path);
        std::filesystem::resize_file(path, 10);
        if (file->bytes()[15000] == std::byte{0} && file->damaged()) ++noticed;
      }
    });
  for (std::thread& t : threads) t.join();
  CHECK(noticed == 200);
}

namespace {
// The wait status of a child that faults in a mapping that is not ours.
template <class Before>
int fault_elsewhere(const std::filesystem::path& path, Before&& before) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    const auto ours = MappedFile::open(path);  // our handler is in place
    before();
    const int fd = ::open(path.c_str(), O_RDONLY);
    const auto* foreign = static_cast<const volatile char*>(::mmap(nullptr, 50000, PROT_READ, MAP_SHARED, fd, 0));
    std::filesystem::resize_file(path, 1);
    static_cast<void>(foreign[40000]);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}
}  // namespace

TEST_CASE("a fault outside of our mappings goes to the handler that was there before") {
  const TemporaryFolder folder;
  const int handled = fault_elsewhere(folder.write("a", std::string(50000, 'x')), [] {
    detail::previous_sigbus.sa_flags = 0;
    detail::previous_sigbus.sa_handler = [](int) { ::_exit(42); };
  });
  CHECK(WIFEXITED(handled));
  CHECK(WEXITSTATUS(handled) == 42);
  const int killed = fault_elsewhere(folder.write("b", std::string(50000, 'x')), [] {
    detail::previous_sigbus.sa_flags = 0;
    detail::previous_sigbus.sa_handler = SIG_DFL;
  });
  CHECK(WIFSIGNALED(killed));
  CHECK(WTERMSIG(killed) == SIGBUS);
}

TEST_CASE("what cannot be mapped is read: pipes and the files of /proc") {
  const TemporaryFolder folder;
  const std::string content(200000, 'p');
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  std::thread writer([&] { folder.write("pipe", content); });
  const auto pipe = MappedFile::open(folder / "pipe");
  writer.join();
  CHECK(pipe->bytes().size() == content.size());
  CHECK(pipe->bytes()[199999] == std::byte{'p'});
  CHECK_FALSE(pipe->damaged());
  CHECK(MappedFile::open("/proc/self/status")->bytes().size() > 0);
  CHECK(MappedFile::open(folder.write("empty", ""))->bytes().empty());
}

TEST_CASE("what cannot be opened says why") {
  const TemporaryFolder folder;
  const auto code = [](const std::filesystem::path& path) {
    try {
      MappedFile::open(path);
    } catch (const Error& e) {
      CHECK_THAT(e.what(), Catch::Contains(path.string()));
      return e.code();
    }
    return Code::ok;
  };
  CHECK(code(folder / "absent") == Code::not_found);
  CHECK(code(folder.write("file", "x") / "below") == Code::not_found);
  CHECK(code(folder / "") == Code::io);
  CHECK(code("/dev/zero") == Code::io);
}

}  // namespace fovea::test
