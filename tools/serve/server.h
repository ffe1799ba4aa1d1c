// The HTTP server: accepts connections, keeps every limit, hands heads and bodies to the Router. On Boost.Beast, which
// stays within server.cpp and what only it includes (beast.h, session.h).
//
// Threads: one runs all sockets; none of its handlers waits, and the longest copies an answer or counts the metrics, so
// it needs no second. Decoding, running and explaining have threads of their own (batcher.h), and the loops of the
// networks the pool of parallel_for. A server that gave each connection a thread would have to bound slow clients by
// threads, one with several socket threads would need a lock in every session.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "access_log.h"
#include "metrics.h"
#include "router.h"

namespace fovea::tools {

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;  // 0: any that is free
  LogFormat log = LogFormat::text;

  std::uint64_t max_upload = 20 << 20;          // bytes of a body
  std::uint64_t max_upload_memory = 512 << 20;  // bytes of all bodies together, as far as they have arrived
  std::size_t max_connections = 256;
  // In all, not between two bytes: a client that sends a byte a second gets no longer.
  std::chrono::milliseconds head{5'000}, body{30'000}, write{30'000};
  std::chrono::milliseconds idle{30'000};    // between two requests of a connection
  std::chrono::milliseconds linger{10'000};  // for what a client still sends after its last answer
  std::chrono::milliseconds stop{8'000};     // for what runs when the server stops
};

class Listener;  // in server.cpp

class Server {
 public:
  // Listens. Errors: Code::io where the address cannot be used.
  Server(const ServerOptions& options, const Router& router, Metrics& metrics);
  ~Server();

  const std::string& url() const;  // "http://127.0.0.1:8080/"
  bool loopback_only() const;

  // Serves until SIGTERM, SIGINT or stop(), and until what ran then is answered.
  void run();
  // From any thread.
  void stop();

 private:
  std::unique_ptr<Listener> listener_;
};

}  // namespace fovea::tools
