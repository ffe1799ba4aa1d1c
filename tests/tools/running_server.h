// `fovea serve` as a running program on a port of its own, and a client that writes bytes to a socket as they are, so
// that tests can say what no well-behaved library would.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cctype>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include <io/temporary_folder.h>
#include <tools/program.h>

namespace fovea::test {

using Words = std::vector<std::string>;
using Document = nlohmann::ordered_json;

// One answer. Names of headers are in lower case.
struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string body;

  Document json() const { return Document::parse(body); }
  std::string error_code() const { return json().at("error").at("code"); }
  std::string error_message() const { return json().at("error").at("message"); }
};

// A TCP connection to 127.0.0.1 or ::1. What takes longer than 30 s is an error: nothing in these tests should.
class HttpConnection {
 public:
  explicit HttpConnection(int port, bool ipv6 = false)
      : socket_(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = v4.sin_port;
    v6.sin6_addr = in6addr_loopback;
    const auto* address = ipv6 ? reinterpret_cast<const sockaddr*>(&v6) : reinterpret_cast<const sockaddr*>(&v4);
    if (::connect(socket_, address, ipv6 ? sizeof v6 : sizeof v4) != 0) {
      ::close(socket_);
      throw std::runtime_error("no connection to port " + std::to_string(port));
    }
  }
  ~HttpConnection() { close(); }
  HttpConnection(HttpConnection&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), buffer_(std::move(other.buffer_)) {}
  HttpConnection& operator=(HttpConnection&&) = delete;

  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }

  // False if the other side does not take it any more.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  // The next answer on this connection; status 0 if the connection ended instead. to_head: it will have no body.
  HttpAnswer receive(bool to_head = false) {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (!read_more()) return {};
    HttpAnswer answer = parse_head(buffer_.substr(0, end + 2));
    buffer_.erase(0, end + 4);
    const auto length = answer.headers.find("content-length");
    const std::size_t size = to_head || length == answer.headers.end() ? 0 : std::stoul(length->second);
    while (buffer_.size() < size)
      if (!read_more()) throw std::runtime_error("the connection ended within an answer");
    answer.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return answer;
  }

  // Waits for the end of the connection; false if there is something to read before it.
  bool ended() { return buffer_.empty() && !read_more(); }

  // Whether something can be read, or the end has come, within this time.
  bool readable(int milliseconds) const {
    pollfd p{socket_, POLLIN, 0};
    return !buffer_.empty() || ::poll(&p, 1, milliseconds) == 1;
  }

 private:
  bool read_more() {
    if (!readable(30'000)) throw std::runtime_error("no answer within 30 s");
    std::array<char, 65536> block{};
    const ssize_t n = ::recv(socket_, block.data(), block.size(), 0);
    if (n <= 0) return false;
    buffer_.append(block.data(), static_cast<std::size_t>(n));
    return true;
  }

  static HttpAnswer parse_head(const std::string& text) {
    HttpAnswer answer;
    answer.status = std::stoi(text.substr(text.find(' ') + 1));
    for (std::size_t at = text.find("\r\n") + 2, end = 0; at < text.size(); at = end + 2) {
      end = text.find("\r\n", at);
      const std::size_t colon = text.find(':', at);
      std::string name = text.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      answer.headers[name] = text.substr(colon + 2, end - colon - 2);
    }
    return answer;
  }

  int socket_;
  std::string buffer_;
};

// Whether this machine has ::1.
inline bool has_ipv6() {
  const int probe = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool has = ::bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(probe);
  return has;
}

// "METHOD PATH HTTP/1.1" with Host, Content-Length where there is a body, and these headers ("Name: value").
inline std::string http_request(const std::string& method, const std::string& path, const std::string& body = "",
                                const Words& headers = {}) {
  std::string text = method + " " + path + " HTTP/1.1\r\n";
  const auto has = [&](std::string_view name) {
    return std::any_of(headers.begin(), headers.end(), [&](const auto& h) { return h.starts_with(name); });
  };
  if (!has("Host:")) text += "Host: localhost\r\n";
  if (!body.empty() && !has("Content-Length:")) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  for (const std::string& h : headers) text += h + "\r\n";
  return text + "\r\n" + body;
}

// `fovea serve --port 0 ARGUMENTS...`, killed at the end of the test if it is still there.
class RunningServer {
 public:
  // log: where its stderr goes; empty: to log().
  explicit RunningServer(Words arguments, const Setting& setting = {}, std::string log = {}) {
    using namespace program_detail;
    arguments.insert(arguments.begin(), {FOVEA_PROGRAM, "serve", "--port", "0"});
    std::vector<std::string> variables = environment(setting.environment);
    const std::vector<char*> argv = pointers(arguments), envp = pointers(variables);
    const Pipe out = make_pipe();
    if (log.empty()) log = (folder_ / "stderr").string();
    const int err = ::open(log.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    child_ = ::fork();
    if (child_ < 0) throw std::runtime_error("fork failed");
    if (child_ == 0) {
      ::dup2(out.write, STDOUT_FILENO);
      ::dup2(err, STDERR_FILENO);
      ::execve(argv[0], argv.data(), envp.data());
      ::_exit(126);
    }
    ::close(out.write);
    ::close(err);
    out_ = out.read;
    read_first_line();
  }
  ~RunningServer() {
    ::close(out_);
    if (child_ > 0) ::kill(child_, SIGKILL), wait();
  }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  const std::string& first_line() const { return line_; }
  int port() const { return port_; }
  HttpConnection connect() const { return HttpConnection(port_, contains(line_, "[::1]")); }

  // One request on a connection of its own.
  HttpAnswer request(const std::string& method, const std::string& path, const std::string& body = "",
                     const Words& headers = {}) const {
    HttpConnection c = connect();
    c.send(http_request(method, path, body, headers));
    return c.receive(method == "HEAD");
  }
  HttpAnswer get(const std::string& path, const Words& headers = {}) const { return request("GET", path, "", headers); }

  void wait_until_ready() const {
    wait_until([&] { return get("/readyz").status == 200; });
  }

  // What stands behind a name in /metrics, labels included: `fovea_rejected_total{reason="queue"}`.
  double metric(const std::string& name) const {
    const std::string text = "\n" + get("/metrics").body;
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + name.size() + 2));
  }

  template <class Condition>
  static void wait_until(Condition&& condition) {
    for (int i = 0; i < 6000; ++i) {
      if (condition()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    throw std::runtime_error("what was waited for did not happen in 30 s");
  }

  std::string log() const {
    std::ifstream in(folder_ / "stderr");
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }

  void signal(int number) const { ::kill(child_, number); }
  // The exit code; -1 if a signal ended it. Raises an error if it does not end within 10 s.
  int wait_for_end() {
    int status = 0;
    wait_until_ended(status);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  int stop(int number = SIGTERM) {
    signal(number);
    return wait_for_end();
  }

 private:
  void read_first_line() {
    char c = 0;
    while (line_.find('\n') == std::string::npos) {
      pollfd p{out_, POLLIN, 0};
      if (::poll(&p, 1, 30'000) != 1 || ::read(out_, &c, 1) != 1)
        throw std::runtime_error("fovea serve said nothing; its stderr: " + log());
      line_ += c;
    }
    const std::size_t colon = line_.rfind(':', line_.rfind('/'));
    port_ = std::stoi(line_.substr(colon + 1));
  }
  void wait_until_ended(int& status) const {
    for (int i = 0; i < 1000; ++i) {
      if (::waitpid(child_, &status, WNOHANG) == child_) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    throw std::runtime_error("fovea serve did not end within 10 s");
  }
  void wait() {
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {}
    child_ = -1;
  }

  TemporaryFolder folder_;
  pid_t child_ = -1;
  int out_ = -1, port_ = 0;
  std::string line_;
};

}  // namespace fovea::test
