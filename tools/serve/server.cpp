#include "server.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "session.h"

namespace fovea::tools {

namespace {
constexpr std::size_t kRefusedAtOnce = 64;  // connections beyond the limit that still get a 503
}

class Listener {
 public:
  Listener(const ServerOptions& options, const Router& router, Metrics& metrics);
  void run();
  void stop();

  std::string url;
  bool loopback_only = false;
  Sessions sessions;

 private:
  void listen();
  void accept();
  void on_accept(error_code ec, tcp::socket socket);
  void session_closed();
  void close_all();

  tcp::acceptor acceptor_{sessions.io};
  asio::signal_set signals_{sessions.io, SIGINT, SIGTERM};
  asio::steady_timer pause_{sessions.io}, last_moment_{sessions.io};
  // Keeps run() going while a session only waits for its photo.
  asio::executor_work_guard<asio::io_context::executor_type> work_{sessions.io.get_executor()};
};

Listener::Listener(const ServerOptions& o, const Router& r, Metrics& m) : sessions{o, r, m} {
  sessions.closed = [this] { session_closed(); };
  listen();
  signals_.async_wait([this](error_code ec, int) {
    if (ec) return;
    signals_.async_wait([](error_code again, int) {  // the second time somebody means it
      if (!again) std::_Exit(1);
    });
    stop();  // last: with no session open it cancels that wait
  });
  accept();
}

void Listener::listen() {
  const std::string& host = sessions.options.host;
  const std::uint16_t port = sessions.options.port;
  error_code ec;
  tcp::resolver resolver(sessions.io);
  const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, ec);
  if (ec || found.empty()) fail_as(Code::io, "serve: --host ", host, ": ", ec.message());
  const tcp::endpoint endpoint = found.begin()->endpoint();
  acceptor_.open(endpoint.protocol(), ec);
  if (!ec) keep_from_children(acceptor_);
  if (!ec) acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) acceptor_.bind(endpoint, ec);
  if (!ec) acceptor_.listen(asio::socket_base::max_listen_connections, ec);
  if (ec == asio::error::address_in_use)
    fail_as(Code::io, "serve: port ", port, " of ", host,
            " is taken by another program; choose another with --port, or 0 for any that is free");
  if (ec) fail_as(Code::io, "serve: cannot listen on ", host, ", port ", port, ": ", ec.message());
  const std::string address = endpoint.address().to_string();
  url = to_text("http://", endpoint.address().is_v6() ? "[" + address + "]" : address, ":",
                acceptor_.local_endpoint().port(), "/");
  loopback_only = endpoint.address().is_loopback();
}

void Listener::accept() {
  acceptor_.async_accept([this](error_code ec, tcp::socket socket) { on_accept(ec, std::move(socket)); });
}

void Listener::on_accept(error_code ec, tcp::socket socket) {
  if (sessions.stopping) return;
  if (ec) {  // out of file descriptors, most likely: trying again at once would only burn time
    pause_.expires_after(Milliseconds(100));
    return pause_.async_wait([this](error_code cancelled) {
      if (!cancelled && !sessions.stopping) accept();
    });
  }
  accept();
  const std::size_t open = sessions.open.size();
  if (open < sessions.options.max_connections)
    std::make_shared<Session>(sessions, std::move(socket))->start();
  else if (open < sessions.options.max_connections + kRefusedAtOnce)
    std::make_shared<Session>(sessions, std::move(socket))->refuse();
  else
    sessions.metrics.rejected("connections");
}

void Listener::session_closed() {
  if (!sessions.stopping || !sessions.open.empty()) return;
  last_moment_.cancel();
  signals_.cancel();
  work_.reset();
}

void Listener::close_all() {
  const std::vector<Session*> open(sessions.open.begin(), sessions.open.end());
  for (Session* s : open) s->close();
}

void Listener::stop() {
  if (sessions.stopping) return;
  sessions.stopping = true;
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  last_moment_.expires_after(sessions.options.stop);
  last_moment_.async_wait([this](error_code ec) {
    if (!ec) close_all();
  });
  const std::vector<Session*> open(sessions.open.begin(), sessions.open.end());
  for (Session* s : open) s->stop();
  session_closed();
}

void Listener::run() {
  for (;;) try {
      sessions.io.run();
      return;
    } catch (const std::exception& e) {  // its session is gone, the others go on
      std::fprintf(stderr, "fovea serve: %s\n", e.what());
    }
}

Server::Server(const ServerOptions& options, const Router& router, Metrics& metrics)
    : listener_(std::make_unique<Listener>(options, router, metrics)) {}
Server::~Server() = default;
const std::string& Server::url() const { return listener_->url; }
bool Server::loopback_only() const { return listener_->loopback_only; }
void Server::run() { listener_->run(); }
void Server::stop() {
  asio::post(listener_->sessions.io, [this] { listener_->stop(); });
}

}  // namespace fovea::tools
