// fovea serve: the page and the HTTP API.
#include <fcntl.h>
#include <malloc.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fovea/core/parallel_for.h>

#include "../command.h"
#include "../weights.h"
#include "server.h"

extern char** environ;

namespace fovea::tools {

namespace {
struct Options {
  std::vector<std::string> weights = {kDefaultWeights}, allowed_hosts;
  std::string api_key_file, log = "text";
  ServerOptions server;
  Batcher::Options batcher;
  int threads = 0, batch_wait_ms = 2;
  double head_seconds = 5, body_seconds = 30, write_seconds = 30, idle_seconds = 30;
  bool open = false;
};

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(1e3 * seconds));
}

// Takes "20M" as bytes. The sign is looked for first, or -1 would be the largest number of 64 bits.
void take_size(CLI::Option* option, std::uint64_t most) {
  const auto no_sign = [](std::string& text) -> std::string {
    return text.find('-') == text.npos ? "" : text + " is no size, e.g. 20M is";
  };
  option->check(CLI::Range(std::uint64_t{1}, most))
      ->transform(CLI::AsSizeValue(false))
      ->transform(CLI::Validator(no_sign, ""))
      ->type_name("BYTES");
}

// A name or an address as it is compared; what else was written is refused, with what would be right.
std::string read_host(const std::string& option, const std::string& text) {
  const bool bracketed = text.starts_with('[') && text.ends_with(']');
  const std::string host = canonical_host(bracketed ? text.substr(1, text.size() - 2) : text);
  const bool ipv6 = host_name("[" + host + "]") == host;
  if (!host.empty() && (ipv6 || host.find_first_of(":/[] ") == host.npos)) return host;
  fail("serve: ", option, " is '", text, "', a name or an IP address is wanted, without http:// and port");
}

// The first line, without blanks around it.
std::string read_key(const std::string& path) {
  if (path.empty()) return {};
  std::ifstream in(path);
  if (!in) fail_as(Code::not_found, "serve: --api-key-file ", path, " cannot be opened");
  std::string key;
  std::getline(in, key);
  constexpr const char* kBlanks = " \t\r";
  key.erase(0, key.find_first_not_of(kBlanks));
  key.erase(key.find_last_not_of(kBlanks) + 1);
  if (key.empty()) fail_as(Code::bad_data, "serve: ", path, ": the first line is empty, it should be the API key");
  return key;
}

void warn_of_strangers(const Options& o, const Server& server, const std::string& key) {
  if (server.loopback_only() || !key.empty()) return;
  std::fprintf(stderr,
               "fovea serve: warning: with --host %s and without --api-key-file everybody who reaches this machine can "
               "use the server, and photos cross the network unencrypted\n",
               o.server.host.c_str());
}

// The browser is a child that nobody waits for, that writes nowhere, and that is not to ignore the signals that we do.
void open_browser(const std::string& url) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  for (const int signal : {SIGPIPE, SIGCHLD}) sigaddset(&defaults, signal);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  std::string program = "xdg-open", address = url;
  char* const arguments[] = {program.data(), address.data(), nullptr};
  pid_t child = 0;
  if (posix_spawnp(&child, program.c_str(), &actions, &attributes, arguments, environ) != 0)
    std::fprintf(stderr, "fovea serve: there is no xdg-open here; please open %s yourself\n", url.c_str());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
}

// Loads while the port already listens; a model that cannot be loaded ends the server.
class Loader {
 public:
  Loader(ServedModels& models, std::uint64_t max_upload, Server& server)
      : thread_([this, &models, max_upload, &server] {
          try {
            models.load(max_upload);
            ended_ = true;
          } catch (...) {
            error_ = std::current_exception();
            ended_ = true;
            server.stop();
          }
        }) {}
  ~Loader() {
    if (thread_.joinable()) thread_.join();
  }
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  bool ended() const { return ended_; }
  // Waits; raises what loading raised.
  void join() {
    thread_.join();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::exception_ptr error_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;  // the last: it uses the others
};

// Bodies and pixels come and go: blocks of a mebibyte and more are given back to the system when they are freed. By
// default glibc would raise that limit to the largest block it has seen, and keep what was below.
void give_memory_back() {
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mallopt(M_TRIM_THRESHOLD, 8 << 20);
}

int serve(Options o) {
  give_memory_back();
  if (o.threads > 0) set_thread_count(o.threads);
  o.batcher.decoders = std::max(2, thread_count());  // one may have a photo that takes long
  o.batcher.wait = std::chrono::milliseconds(o.batch_wait_ms);
  o.server.head = milliseconds(o.head_seconds);
  o.server.body = milliseconds(o.body_seconds);
  o.server.write = milliseconds(o.write_seconds);
  o.server.idle = milliseconds(o.idle_seconds);
  o.server.max_upload_memory = std::max(o.server.max_upload_memory, o.server.max_upload);
  o.server.log = o.log == "json" ? LogFormat::json : LogFormat::text;
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGCHLD, SIG_IGN);

  o.server.host = read_host("--host", o.server.host);
  std::vector<std::string> names = {o.server.host};
  for (const std::string& name : o.allowed_hosts) names.push_back(read_host("--allow-host", name));
  const std::string key = read_key(o.api_key_file);
  ServedModels models(o.weights);
  Metrics metrics;
  Batcher batcher(o.batcher, metrics);
  const Router router(Guard(names, key), models, batcher, metrics, o.server.max_upload);
  Server server(o.server, router, metrics);
  std::printf("fovea serve: %s (Ctrl+C ends it)\n", server.url().c_str());
  std::fflush(stdout);
  warn_of_strangers(o, server, key);
  Loader loader(models, o.server.max_upload, server);
  if (o.open) open_browser(server.url());
  server.run();
  if (!loader.ended()) std::_Exit(kGood);  // stopped before the models were loaded
  loader.join();
  // What is still computing has no reader any more.
  if (!batcher.stop(std::chrono::seconds(1))) std::_Exit(kGood);
  return kGood;
}
}  // namespace

Run add_serve(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* c = app.add_subcommand("serve", "Open the page: photos in the browser, and an HTTP API");
  c->add_option("--weights", o->weights, "Weight files; ?model=NAME chooses by the file's name")
      ->capture_default_str()
      ->type_name("F");
  c->add_option("--host", o->server.host, "Address to listen on")->capture_default_str()->type_name("ADDRESS");
  c->add_option("--port", o->server.port, "0: any that is free")->capture_default_str()->type_name("N");
  c->add_option("--threads", o->threads, "Threads (default: the cores)")->check(CLI::Range(1, 1024))->type_name("N");
  c->add_option("--queue", o->batcher.capacity,
                "Photos waiting or worked on, an eighth of them to be explained; more get 503")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000))
      ->type_name("N");
  take_size(c->add_option("--max-upload", o->server.max_upload, "Bytes of a photo, at most")->default_str("20M"),
            std::uint64_t{1} << 30);
  take_size(c->add_option("--upload-memory", o->server.max_upload_memory,
                          "Bytes of all photos that are being sent or worked on; more get 503")
                ->default_str("512M"),
            std::uint64_t{1} << 40);
  c->add_option("--api-key-file", o->api_key_file, "Its first line is wanted as `Authorization: Bearer ...`")
      ->type_name("FILE");
  c->add_option("--allow-host", o->allowed_hosts, "A name that requests may be sent to, besides --host and localhost")
      ->allow_extra_args(false)
      ->type_name("NAME");
  c->add_option("--log", o->log, "One line a request on stderr: text or json")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORM");
  c->add_flag("--open", o->open, "Open the page in the browser");
  c->add_option("--batch", o->batcher.batch, "Photos of one run of the network, at most")
      ->capture_default_str()
      ->check(CLI::Range(1, 256))
      ->type_name("N");
  c->add_option("--batch-wait", o->batch_wait_ms, "Milliseconds that a photo waits for those on their way")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000))
      ->type_name("N");
  c->add_option("--connections", o->server.max_connections, "Open connections; more get 503")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000))
      ->type_name("N");
  const auto seconds = CLI::Range(0.1, 3600.0);
  c->add_option("--head-seconds", o->head_seconds, "For the head of a request, in all")
      ->capture_default_str()
      ->check(seconds)
      ->type_name("N");
  c->add_option("--body-seconds", o->body_seconds, "For its body, in all")
      ->capture_default_str()
      ->check(seconds)
      ->type_name("N");
  c->add_option("--write-seconds", o->write_seconds, "For the client to take its answer")
      ->capture_default_str()
      ->check(seconds)
      ->type_name("N");
  c->add_option("--idle-seconds", o->idle_seconds, "Between two requests of a connection")
      ->capture_default_str()
      ->check(seconds)
      ->type_name("N");
  return [o] { return serve(*o); };
}

}  // namespace fovea::tools
