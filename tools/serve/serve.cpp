// fovea serve: the page and the HTTP API.
#include <fcntl.h>
#include <malloc.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>
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
  double head_seconds = 5, body_seconds = 30, idle_seconds = 30;
  bool open = false;
};

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(1e3 * seconds));
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

// The browser is a child that nobody waits for, and that writes nowhere.
void open_browser(const std::string& url) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  std::string program = "xdg-open", address = url;
  char* const arguments[] = {program.data(), address.data(), nullptr};
  pid_t child = 0;
  if (posix_spawnp(&child, program.c_str(), &actions, nullptr, arguments, environ) != 0)
    std::fprintf(stderr, "fovea serve: there is no xdg-open here; please open %s yourself\n", url.c_str());
  posix_spawn_file_actions_destroy(&actions);
}

// Loads while the port already listens; a model that cannot be loaded ends the server.
class Loader {
 public:
  Loader(ServedModels& models, Server& server)
      : thread_([this, &models, &server] {
          try {
            models.load();
          } catch (...) {
            error_ = std::current_exception();
            server.stop();
          }
        }) {}
  ~Loader() {
    if (thread_.joinable()) thread_.join();
  }
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // Waits; raises what loading raised.
  void join() {
    thread_.join();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::exception_ptr error_;
  std::thread thread_;
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
  o.server.idle = milliseconds(o.idle_seconds);
  o.server.max_upload_memory = std::max(o.server.max_upload_memory, 4 * o.server.max_upload);
  o.server.log = o.log == "json" ? LogFormat::json : LogFormat::text;
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGCHLD, SIG_IGN);

  const std::string key = read_key(o.api_key_file);
  ServedModels models(o.weights);
  Metrics metrics;
  Batcher batcher(o.batcher, metrics);
  std::vector<std::string> names = o.allowed_hosts;
  names.push_back(o.server.host);
  const Router router(Guard(names, key), models, batcher, metrics, o.server.max_upload);
  Server server(o.server, router, metrics);
  std::printf("fovea serve: %s (Ctrl+C ends it)\n", server.url().c_str());
  std::fflush(stdout);
  warn_of_strangers(o, server, key);
  Loader loader(models, server);
  if (o.open) open_browser(server.url());
  server.run();
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
  c->add_option("--max-upload", o->server.max_upload, "Bytes of a photo, e.g. 20M")
      ->default_str("20M")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("BYTES");
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
  c->add_option("--idle-seconds", o->idle_seconds, "Between two requests of a connection")
      ->capture_default_str()
      ->check(seconds)
      ->type_name("N");
  return [o] { return serve(*o); };
}

}  // namespace fovea::tools
