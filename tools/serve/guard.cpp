#include "guard.h"

#include <algorithm>

namespace fovea::tools {

namespace {
bool wants_key(std::string_view path) { return path.starts_with("/api/") || path == "/metrics"; }

// An Origin is "http://localhost:8080": the request's own Host with a scheme before it, or it is another site's.
bool same_origin(std::string_view origin, std::string_view host) {
  const std::size_t scheme = origin.find("://");
  return scheme != origin.npos && equals_ignoring_case(origin.substr(scheme + 3), host);
}

bool is_ipv4_loopback(std::string_view host) {
  return host.starts_with("127.") && std::count(host.begin(), host.end(), '.') == 3 &&
         host.find_first_not_of("0123456789.") == host.npos;
}

Response unauthorized() {
  Response r =
      error_response(401, "unauthorized", "this server wants an API key, in the header `Authorization: Bearer KEY`");
  r.headers.emplace_back("WWW-Authenticate", "Bearer");
  return r;
}
}  // namespace

std::string_view host_name(std::string_view host_and_port) {
  if (host_and_port.starts_with("[")) return host_and_port.substr(1, host_and_port.find(']') - 1);
  return host_and_port.substr(0, host_and_port.find(':'));
}

bool is_loopback(std::string_view host) {
  constexpr std::string_view kBelow = ".localhost";
  return equals_ignoring_case(host, "localhost") || host == "::1" || is_ipv4_loopback(host) ||
         (host.size() > kBelow.size() && equals_ignoring_case(host.substr(host.size() - kBelow.size()), kBelow));
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size() && !b.empty(); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i % b.size()]);
  return difference == 0;
}

// An address as Host cannot be rebound, so where we listen on all addresses each of them is a name of ours.
bool Guard::host_is_ours(std::string_view host, std::string_view local_address) const {
  return is_loopback(host) || host == local_address ||
         std::any_of(names_.begin(), names_.end(), [&](const auto& n) { return equals_ignoring_case(n, host); });
}

bool Guard::key_is_right(const Head& head) const {
  constexpr std::string_view kScheme = "Bearer ";
  if (!head.authorization || !starts_ignoring_case(*head.authorization, kScheme)) return false;
  return equal_in_constant_time(std::string_view(*head.authorization).substr(kScheme.size()), key_);
}

std::optional<Response> Guard::refuse(const Head& head) const {
  if (head.hosts.size() != 1)
    return error_response(400, "bad_request",
                          "a request has one Host header, this one has " + std::to_string(head.hosts.size()));
  const std::string& host = head.hosts.front();
  if (!host_is_ours(host_name(host), head.local_address))
    return error_response(403, "forbidden_host",
                          "this server does not go by the name '" + std::string(host_name(host)) +
                              "'; if it is yours, start it with --allow-host NAME");
  if (head.origin && !same_origin(*head.origin, host))
    return error_response(403, "forbidden_origin", "pages of other sites may not use this server");
  if (!key_.empty() && wants_key(head.target.path) && !key_is_right(head)) return unauthorized();
  return std::nullopt;
}

}  // namespace fovea::tools
