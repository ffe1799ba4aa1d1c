// Runs the built program as a user does: arguments in; exit code, stdout and stderr out; a watchdog over all.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include <support/catch.h>

extern "C" char** environ;

namespace fovea::test {

struct Ran {
  int code = -1;   // exit code, -1 if a signal ended it
  int signal = 0;  // the signal
  std::string out, err;

  // stdout as one JSON document; anything else is an error.
  nlohmann::ordered_json json() const { return nlohmann::ordered_json::parse(out); }
};

enum class Stdout { read, closed, full };

struct Setting {
  std::vector<std::string> environment = {};  // "NAME=VALUE", over what the test itself has
  std::filesystem::path folder = {};          // to run in
  Stdout to = Stdout::read;
  bool terminal = false;  // stderr is a terminal
  int seconds = 120;      // then the program is killed and the test fails
};

namespace program_detail {
struct Pipe {
  int read = -1, write = -1;
};
inline Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
  return {ends[0], ends[1]};
}
inline Pipe make_terminal() {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) throw std::runtime_error("no terminal");
  const int slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) throw std::runtime_error("no terminal");
  return {master, slave};
}

// `more`, then the test's environment without what decides how the program runs.
inline std::vector<std::string> environment(const std::vector<std::string>& more) {
  std::vector<std::string> all = more;
  const auto add = [&](std::string_view entry) {
    const std::string_view name = entry.substr(0, entry.find('=') + 1);
    if (std::none_of(more.begin(), more.end(), [&](const std::string& m) { return m.starts_with(name); }))
      all.emplace_back(entry);
  };
  add("LC_ALL=C.UTF-8");
  for (char** e = environ; *e; ++e) {
    const std::string_view entry = *e;
    const auto decides = {"FOVEA_MODELS=", "FOVEA_LOG=", "FOVEA_THREADS=", "LC_", "LANG="};
    if (std::none_of(decides.begin(), decides.end(), [&](const char* name) { return entry.starts_with(name); }))
      add(entry);
  }
  return all;
}
inline std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> p;
  for (std::string& w : words) p.push_back(w.data());
  p.push_back(nullptr);
  return p;
}

// Reads both ends until they close; false when the time is up. A terminal ends with EIO.
inline bool read_all(int out, int err, Ran& ran, std::chrono::steady_clock::time_point end) {
  std::array<pollfd, 2> ends = {{{out, POLLIN, 0}, {err, POLLIN, 0}}};
  std::array<std::string*, 2> texts = {&ran.out, &ran.err};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0 || ::poll(ends.data(), 2, static_cast<int>(left.count())) == 0) return false;
    for (std::size_t i = 0; i < 2; ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      std::array<char, 65536> block{};
      const ssize_t n = ::read(ends[i].fd, block.data(), block.size());
      if (n > 0)
        texts[i]->append(block.data(), static_cast<std::size_t>(n));
      else if (n == 0 || errno != EINTR)
        ends[i].fd = -1;
    }
  }
  return true;
}
}  // namespace program_detail

// arguments[0] is the program's path.
inline Ran run_command(std::vector<std::string> arguments, const Setting& setting = {}) {
  using namespace program_detail;
  std::vector<std::string> variables = environment(setting.environment);
  const std::vector<char*> argv = pointers(arguments), envp = pointers(variables);
  const Pipe out = make_pipe(), err = setting.terminal ? make_terminal() : make_pipe();
  const std::string folder = setting.folder.string();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(setting.seconds);
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) {  // only calls that are safe after fork
    if (!folder.empty() && ::chdir(folder.c_str()) != 0) ::_exit(125);
    const int full = setting.to == Stdout::full ? ::open("/dev/full", O_WRONLY) : out.write;
    ::close(out.read);  // Stdout::closed: nobody reads any more
    ::signal(SIGPIPE, SIG_DFL);
    ::dup2(full, STDOUT_FILENO);
    ::dup2(err.write, STDERR_FILENO);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(126);
  }
  ::close(out.write);
  ::close(err.write);
  if (setting.to == Stdout::closed) ::close(out.read);
  Ran ran;
  const bool ended = read_all(setting.to == Stdout::closed ? -1 : out.read, err.read, ran, end);
  if (!ended) ::kill(child, SIGKILL);
  if (setting.to != Stdout::closed) ::close(out.read);
  ::close(err.read);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (!ended) throw std::runtime_error(arguments[0] + " did not end in " + std::to_string(setting.seconds) + " s");
  if (WIFEXITED(status)) ran.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) ran.signal = WTERMSIG(status);
  return ran;
}

// The program `fovea` of this build.
inline Ran fovea_program(std::vector<std::string> arguments, const Setting& setting = {}) {
  arguments.insert(arguments.begin(), FOVEA_PROGRAM);
  return run_command(std::move(arguments), setting);
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines.push_back(text.substr(begin, end - begin));
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

inline bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// The members of an object, in their order.
inline std::vector<std::string> keys(const nlohmann::ordered_json& object) {
  std::vector<std::string> names;
  for (const auto& [key, value] : object.items()) names.push_back(key);
  return names;
}

}  // namespace fovea::test
