#include "guard.h"

#include <arpa/inet.h>

#include <algorithm>

namespace fovea::tools {

namespace {
bool wants_key(std::string_view path) { return path.starts_with("/api/") || path == "/metrics"; }

// An Origin is "http://localhost:8080": the request's own Host with a scheme before it, or it is another site's.
bool same_origin(std::string_view origin, std::string_view host) {
  const std::size_t scheme = origin.find("://");
  return scheme != origin.npos && equals_ignoring_case(origin.substr(scheme + 3), host);
}

bool is_ipv4(const std::string& text) {
  in_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1;
}

// The usual spelling of an IPv6 address; empty if it is none.
std::string canonical_ipv6(const std::string& text) {
  constexpr std::string_view kMapped = "::ffff:";
  in6_addr address{};
  char out[INET6_ADDRSTRLEN] = {};
  if (inet_pton(AF_INET6, text.c_str(), &address) != 1) return {};
  inet_ntop(AF_INET6, &address, out, sizeof out);
  return out + (IN6_IS_ADDR_V4MAPPED(&address) ? kMapped.size() : 0);
}

bool is_port(std::string_view text) {  // ":8080", or nothing
  return text.empty() || (text[0] == ':' && text.find_first_not_of("0123456789", 1) == text.npos);
}

Response unauthorized() {
  Response r =
      error_response(401, "unauthorized", "this server wants an API key, in the header `Authorization: Bearer KEY`");
  r.headers.emplace_back("WWW-Authenticate", "Bearer");
  return r;
}
}  // namespace

std::string canonical_host(std::string_view name) {
  const std::string text(name.substr(0, name.size() - (name.ends_with('.') ? 1 : 0)));
  const std::string ipv6 = canonical_ipv6(text);
  return ipv6.empty() ? text : ipv6;
}

std::string host_name(std::string_view text) {
  const bool bracketed = text.starts_with('[');
  const std::size_t end = std::min(text.size(), bracketed ? text.find(']') : text.find(':'));
  const std::string name(text.substr(bracketed, end - bracketed));
  if (!bracketed) return is_port(text.substr(end)) ? canonical_host(name) : "";
  return end < text.size() && is_port(text.substr(end + 1)) ? canonical_ipv6(name) : "";
}

bool is_loopback(std::string_view name) {
  const std::string host(name);
  constexpr std::string_view kBelow = ".localhost";
  return equals_ignoring_case(host, "localhost") || host == "::1" || (host.starts_with("127.") && is_ipv4(host)) ||
         (name.size() > kBelow.size() && equals_ignoring_case(name.substr(name.size() - kBelow.size()), kBelow));
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size() && !b.empty(); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i % b.size()]);
  return difference == 0;
}

// An address as Host cannot be rebound, so where we listen on all addresses each of them is a name of ours.
bool Guard::host_is_ours(std::string_view host, std::string_view local_address) const {
  if (host.empty()) return false;
  return is_loopback(host) || host == local_address ||
         std::any_of(names_.begin(), names_.end(), [&](const auto& n) { return equals_ignoring_case(n, host); });
}

bool Guard::key_is_right(const Head& head) const {
  constexpr std::string_view kScheme = "Bearer ";
  if (!head.authorization || !starts_ignoring_case(*head.authorization, kScheme)) return false;
  return equal_in_constant_time(std::string_view(*head.authorization).substr(kScheme.size()), key_);
}

std::optional<Response> Guard::refuse(const Head& head) const {
  if (!head.host) return error_response(400, "bad_request", "a request has a Host header, this one has none");
  const std::string& host = *head.host;
  if (!host_is_ours(host_name(host), head.local_address))
    return error_response(
        403, "forbidden_host",
        "this server does not go by the name '" + host + "'; if it is yours, start it with --allow-host NAME");
  if (head.origin && !same_origin(*head.origin, host))
    return error_response(403, "forbidden_origin", "pages of other sites may not use this server");
  if (!key_.empty() && wants_key(head.target.path) && !key_is_right(head)) return unauthorized();
  return std::nullopt;
}

}  // namespace fovea::tools
