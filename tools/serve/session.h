// One connection of the server. Included by server.cpp alone.
//
// Request after request, one at a time; what a client sends ahead waits in the buffer. Every state has a deadline but
// `running`, which lasts until the photo is answered or the client leaves. Handlers hold the session by a shared
// pointer, so it lives while anything of it is pending; all of them run on the one thread of the sockets.
#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "beast.h"
#include "server.h"

namespace fovea::tools {

inline constexpr std::size_t kReadBuffer = 16 * 1024;  // bytes that one read may take
inline constexpr int kClientGone = 499;                // of logs and metrics, never sent

class Session;

// What the sessions share.
struct Sessions {
  const ServerOptions options;
  const Router& router;
  Metrics& metrics;
  AccessLog log{options.log};
  std::set<Session*> open = {};
  std::uint64_t upload_memory = 0;  // bytes of bodies that have arrived and are not answered
  bool stopping = false;
  std::function<void()> closed = {};  // called after a session has left `open`
  asio::io_context io{1};             // the last: what is still pending in it goes first
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Sessions& shared, tcp::socket socket);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start();
  void refuse();  // one connection too many: 503
  void stop();    // ends an idle connection; others end with their answer
  void close();

 private:
  using Parser = http::request_parser<http::string_body>;
  using Message = http::response<http::string_body>;
  enum class State { idle, head, body, running, writing, lingering, closed };

  void await_request();
  void on_readable(error_code ec);
  void begin_request();
  void read_head();
  bool skip_empty_line();
  void on_head(error_code ec, std::size_t bytes);
  void take_head();
  void begin_body();
  bool charge_memory();
  void release_memory();
  void read_body();
  void on_body(error_code ec, std::size_t bytes);
  void run();
  void watch_client();
  void on_watched(error_code ec, std::size_t bytes);
  void on_answer(Response response);
  void fail(error_code ec);
  void respond_and_close(Response response);
  void respond(Response response);
  void on_written(error_code ec, std::size_t bytes);
  void linger();
  void drain(std::size_t bytes);
  void arm(Milliseconds time, void (Session::*expired)());
  void time_out();
  void record(int status, std::uint64_t sent);
  std::string peer() const;

  Sessions& shared_;
  tcp::socket socket_;
  asio::steady_timer timer_;
  // Not one byte more: Beast raises an error for a field of 64 KiB in a chunked body's trailer.
  boost::beast::flat_buffer buffer_{kHeadLimit};
  std::optional<Parser> parser_;
  std::optional<Message> message_;
  Head head_;
  std::shared_ptr<Photo> photo_;
  State state_ = State::idle;
  bool timed_out_ = false, closing_ = false;
  std::size_t skipped_ = 0;  // bytes of an empty line before the request
  std::uint64_t received_ = 0, charged_ = 0, drained_ = 0;
  Clock::time_point start_;
  std::string client_;
};

inline Session::Session(Sessions& shared, tcp::socket socket)
    : shared_(shared), socket_(std::move(socket)), timer_(shared.io), client_(peer()) {
  shared_.open.insert(this);
  buffer_.reserve(kReadBuffer);
}

inline Session::~Session() { close(); }

inline std::string Session::peer() const {
  error_code ec;
  const auto endpoint = socket_.remote_endpoint(ec);
  return ec ? "-" : address_text(endpoint.address());
}

// One timer for all states; a handler that was on its way when the deadline moved finds it in the future.
inline void Session::arm(Milliseconds time, void (Session::*expired)()) {
  timer_.expires_after(time);
  timer_.async_wait([self = shared_from_this(), expired](error_code ec) {
    if (!ec && self->timer_.expiry() <= Clock::now()) (self.get()->*expired)();
  });
}

// The read ends and on_head or on_body answers 408. If it does not end (its bytes had just arrived, or reading raised
// an error, see Listener::run), the connection does.
inline void Session::time_out() {
  timed_out_ = true;
  error_code ignored;
  socket_.cancel(ignored);
  arm(Milliseconds(1'000), &Session::close);
}

inline void Session::start() {
  error_code ignored;
  keep_from_children(socket_);
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  begin_request();  // a connection is opened to send something: no idle time before the first head
}

inline void Session::refuse() {
  shared_.metrics.rejected("connections");
  start_ = Clock::now();
  respond_and_close(busy_response("connections", "too many connections, please try again"));
}

inline void Session::stop() {
  if (state_ == State::idle || state_ == State::head || state_ == State::lingering) close();
}

inline void Session::close() {
  if (state_ == State::closed) return;
  if (state_ == State::body || state_ == State::running || state_ == State::writing) record(kClientGone, 0);
  const auto alive = weak_from_this().lock();  // cancelling the photo may drop the last pointer to this session
  state_ = State::closed;
  timer_.cancel();
  if (photo_) shared_.router.cancel(std::exchange(photo_, nullptr));
  release_memory();
  error_code ignored;
  socket_.close(ignored);
  shared_.open.erase(this);
  shared_.closed();
}

// --- a request's head ---

inline void Session::await_request() {
  if (shared_.stopping) return close();
  if (buffer_.size() > 0) return begin_request();
  state_ = State::idle;
  arm(shared_.options.idle, &Session::close);
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code ec) { self->on_readable(ec); });
}

inline void Session::on_readable(error_code ec) {
  if (state_ != State::idle) return;
  if (ec) return close();
  begin_request();
}

inline void Session::begin_request() {
  state_ = State::head;
  head_ = {};
  received_ = 0;
  skipped_ = 0;
  start_ = Clock::now();
  arm(shared_.options.head, &Session::time_out);
  read_head();
}

inline void Session::read_head() {
  parser_.emplace();
  parser_->header_limit(kHeadLimit);
  parser_->body_limit(std::numeric_limits<std::uint64_t>::max());  // the router has a better answer, see begin_body
  http::async_read_header(socket_, buffer_, *parser_,
                          [self = shared_from_this()](error_code ec, std::size_t n) { self->on_head(ec, n); });
}

// RFC 9112, 2.2: old clients end a body with an empty line that belongs to nothing. One before a request is passed
// over; it may come in two pieces. False if there is none.
inline bool Session::skip_empty_line() {
  const auto* next = static_cast<const char*>(buffer_.data().data());
  const std::size_t before = skipped_;
  for (; skipped_ < 2 && buffer_.size() > 0 && *next == "\r\n"[skipped_]; ++next, ++skipped_) buffer_.consume(1);
  return skipped_ > before;
}

inline void Session::on_head(error_code ec, std::size_t bytes) {
  if (state_ != State::head) return;
  if (ec == http::error::bad_method && !timed_out_ && skip_empty_line()) return read_head();
  start_ = Clock::now();
  received_ = bytes;
  if (ec || timed_out_) return fail(ec);
  if (bytes > kHeadLimit) return fail(http::error::header_limit);
  take_head();
}

inline void Session::take_head() {
  const auto& fields = parser_->get().base();
  head_.method = to_string(fields.method_string());
  if (fields.version() != 10 && fields.version() != 11)
    return respond_and_close(error_response(505, "version", "HTTP/1.1 and HTTP/1.0 are spoken here"));
  auto target = parse_target({fields.target().data(), fields.target().size()});
  if (!target || (target->path == "*" && head_.method != "OPTIONS"))
    return respond_and_close(error_response(400, "bad_request", "the request's path is malformed"));
  if (const auto name = repeated_field(fields))
    return respond_and_close(error_response(400, "bad_request", "the header " + *name + " stands there twice"));
  head_ = head_of(fields, std::move(*target));
  if (fields.count(http::field::transfer_encoding) > 0 &&
      !equals_ignoring_case(value_of(fields, http::field::transfer_encoding), "chunked"))
    return respond_and_close(
        error_response(501, "transfer_encoding", "of the transfer encodings only chunked is read"));
  if (fields.version() == 10) head_.expect.clear();  // RFC 9110, 10.1.1
  if (const auto length = parser_->content_length()) head_.content_length = *length;
  error_code ec;
  const auto local = socket_.local_endpoint(ec);
  if (!ec) head_.local_address = address_text(local.address());
  std::optional<Response> answer = shared_.router.answer(head_, shared_.open.size());
  if (!answer) return begin_body();
  closing_ = closing_ || !parser_->is_done();  // a body that nobody reads ends the connection
  respond(std::move(*answer));
}

// --- a request's body ---

// Counts what has arrived of the body; false if all bodies together are too much. What is only announced costs nothing.
inline bool Session::charge_memory() {
  const std::uint64_t size = parser_->get().body().size();
  shared_.upload_memory += size - std::exchange(charged_, size);
  return shared_.upload_memory <= shared_.options.max_upload_memory;
}

inline void Session::release_memory() {
  if (parser_) std::string().swap(parser_->get().body());  // of a body that was refused half-way
  shared_.upload_memory -= std::exchange(charged_, 0);
}

inline void Session::begin_body() {
  state_ = State::body;
  if (!head_.expect.empty() && !equals_ignoring_case(head_.expect, "100-continue"))
    return respond_and_close(error_response(417, "expectation", "of expectations only 100-continue is met"));
  parser_->body_limit(shared_.options.max_upload);
  if (parser_->is_done()) return run();
  arm(shared_.options.body, &Session::time_out);
  if (head_.expect.empty() || buffer_.size() > 0) return read_body();
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(socket_, asio::buffer(kContinue.data(), kContinue.size()),
                    [self = shared_from_this()](error_code ec, std::size_t) {
                      if (self->state_ != State::body) return;
                      if (ec || self->timed_out_) return self->fail(ec);
                      self->read_body();
                    });
}

inline void Session::read_body() {
  http::async_read_some(socket_, buffer_, *parser_,
                        [self = shared_from_this()](error_code ec, std::size_t n) { self->on_body(ec, n); });
}

inline void Session::on_body(error_code ec, std::size_t bytes) {
  if (state_ != State::body) return;
  received_ += bytes;
  if (ec == http::error::body_limit) return respond_and_close(shared_.router.too_large());
  if (ec || timed_out_) return fail(ec);
  if (!charge_memory()) {
    shared_.metrics.rejected("memory");
    return respond_and_close(busy_response("busy", "too many photos are being sent, please try again"));
  }
  if (parser_->is_done())
    run();
  else
    read_body();
}

// --- the answer ---

inline void Session::run() {
  state_ = State::running;
  timer_.cancel();
  photo_ =
      shared_.router.classify(head_, std::move(parser_->get().body()), [self = shared_from_this()](Response response) {
        asio::post(self->shared_.io, [self, r = std::move(response)]() mutable { self->on_answer(std::move(r)); });
      });
  watch_client();
}

// A client that goes away while its photo waits frees its place. Its end stands behind what it sent ahead, so that is
// read, as far as the buffer goes.
inline void Session::watch_client() {
  const std::size_t room = std::min(kReadBuffer, kHeadLimit - buffer_.size());
  if (room == 0) return;
  socket_.async_read_some(buffer_.prepare(room),
                          [self = shared_from_this()](error_code ec, std::size_t n) { self->on_watched(ec, n); });
}

// Where the answer came meanwhile, this still runs before the answer is written: it was in the queue of handlers first.
inline void Session::on_watched(error_code ec, std::size_t bytes) {
  buffer_.commit(bytes);
  if (state_ != State::running) return;
  if (ec) return close();
  watch_client();
}

inline void Session::on_answer(Response response) {
  if (state_ != State::running) return;
  photo_ = nullptr;
  release_memory();
  error_code ignored;
  socket_.cancel(ignored);  // the watch
  respond(std::move(response));
}

// A request that did not become one: too slow, malformed, or cut off.
inline void Session::fail(error_code ec) {
  if (timed_out_ && parser_->got_some())
    return respond_and_close(error_response(408, "timeout", "the request did not arrive in time"));
  if (!timed_out_)
    if (auto answer = malformed(ec)) return respond_and_close(std::move(*answer));
  close();
}

inline void Session::respond_and_close(Response response) {
  closing_ = true;
  respond(std::move(response));
}

inline void Session::respond(Response response) {
  state_ = State::writing;
  release_memory();
  Message& m = message_.emplace();
  m.version(parser_ && parser_->get().version() == 10 ? 10 : 11);
  m.result(static_cast<unsigned>(response.status));
  m.keep_alive(!closing_ && !shared_.stopping && parser_ && parser_->keep_alive());
  m.set(http::field::date, date_text());
  m.set(http::field::content_type, response.type);
  m.set(http::field::cache_control, "no-store");
  for (const auto& [name, value] : kSecurityHeaders)
    m.set(boost::beast::string_view(name.data(), name.size()), boost::beast::string_view(value.data(), value.size()));
  for (const auto& [name, value] : response.headers) m.set(name, value);
  m.content_length(response.body.size());
  if (head_.method != "HEAD") m.body() = std::move(response.body);
  arm(shared_.options.write, &Session::close);
  http::async_write(socket_, m, [self = shared_from_this()](error_code ec, std::size_t n) { self->on_written(ec, n); });
}

inline void Session::on_written(error_code ec, std::size_t bytes) {
  if (state_ != State::writing) return;
  const bool goes_on = message_->keep_alive();
  record(ec ? kClientGone : static_cast<int>(message_->result_int()), bytes);
  state_ = State::idle;  // answered: close() has nothing to record
  message_.reset();
  if (ec) return close();
  if (!goes_on) return linger();
  parser_.reset();
  await_request();
}

// Closing at once while the client still sends would reset the connection, and the client might never see its answer.
inline void Session::linger() {
  state_ = State::lingering;
  buffer_.clear();
  error_code ec;
  socket_.shutdown(tcp::socket::shutdown_send, ec);
  if (ec) return close();
  arm(shared_.stopping ? Milliseconds(1'000) : shared_.options.linger, &Session::close);
  drain(0);
}

inline void Session::drain(std::size_t bytes) {
  drained_ += bytes;
  if (state_ != State::lingering) return;
  if (drained_ > 4 * shared_.options.max_upload) return close();
  socket_.async_read_some(buffer_.prepare(kReadBuffer), [self = shared_from_this()](error_code ec, std::size_t n) {
    if (ec) return self->close();
    self->drain(n);
  });
}

inline void Session::record(int status, std::uint64_t sent) {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  shared_.metrics.request(Router::route_of(head_.target.path), status, seconds, received_, sent);
  shared_.log.write({.client = client_,
                     .method = head_.method,
                     .path = head_.target.path,
                     .status = status,
                     .received = received_,
                     .sent = sent,
                     .seconds = seconds});
}

}  // namespace fovea::tools
