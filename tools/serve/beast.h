// Between Boost.Beast and our plain values (http.h). Included by session.h and server.cpp and by nothing else: Boost is
// dear to compile.
#pragma once

#include <fcntl.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <ctime>
#include <optional>
#include <string>
#include <utility>

#include "http.h"

namespace fovea::tools {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using Milliseconds = std::chrono::milliseconds;

inline constexpr std::size_t kHeadLimit = 64 * 1024;  // bytes, request line and header fields together

template <class Text>
std::string to_string(const Text& text) {
  return {text.data(), text.size()};
}

inline std::string address_text(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  return address.to_string();
}

// Asio opens its sockets without SOCK_CLOEXEC.
template <class Socket>
void keep_from_children(Socket& socket) {
  fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
}

inline std::string date_text() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[40];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

using Fields = http::request_header<>;

inline std::string value_of(const Fields& fields, http::field name) { return to_string(fields[name]); }

inline std::optional<std::string> optional_value(const Fields& fields, http::field name) {
  if (fields.count(name) == 0) return std::nullopt;
  return value_of(fields, name);
}

// The fields that must not stand there twice, since a server before this one could go by the other.
inline std::optional<std::string> repeated_field(const Fields& fields) {
  for (const http::field name :
       {http::field::transfer_encoding, http::field::content_length, http::field::host, http::field::origin})
    if (fields.count(name) > 1) return to_string(http::to_string(name));
  return std::nullopt;
}

inline Head head_of(const Fields& fields, Target target) {
  Head h;
  h.method = to_string(fields.method_string());
  h.target = std::move(target);
  h.host = optional_value(fields, http::field::host);
  if (h.host && !h.target.authority.empty()) h.host = h.target.authority;  // RFC 9112, 3.2.2
  h.origin = optional_value(fields, http::field::origin);
  h.authorization = optional_value(fields, http::field::authorization);
  h.content_type = value_of(fields, http::field::content_type);
  h.content_encoding = value_of(fields, http::field::content_encoding);
  h.expect = value_of(fields, http::field::expect);
  return h;
}

// The answer to a message that the parser refused; nothing where nobody is left to read one.
inline std::optional<Response> malformed(error_code ec) {
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow)
    return error_response(431, "head_too_large", "the head of a request may have 65536 bytes");
  if (ec == http::error::end_of_stream || ec == http::error::partial_message) return std::nullopt;
  if (ec.category() == http::make_error_code(http::error::bad_method).category())
    return error_response(400, "bad_request", "this is no HTTP request: " + ec.message());
  return std::nullopt;
}

}  // namespace fovea::tools
