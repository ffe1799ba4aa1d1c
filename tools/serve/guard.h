// Who may ask: the Host and Origin of a request, and the API key.
//
// A page of another site cannot read our answers, but a name of its own that suddenly points here (DNS rebinding) would
// make us its own site; and a form can be sent to anybody. So the name that a request was sent to must be one of ours,
// and a page that sends it must have come from here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http.h"

namespace fovea::tools {

class Guard {
 public:
  // names: --host and every --allow-host, each as canonical_host() gives it. api_key: empty if none is wanted.
  Guard(std::vector<std::string> names, std::string api_key) : names_(std::move(names)), key_(std::move(api_key)) {}

  // The refusal, or nothing: 400 without a Host, 403 for a foreign Host or Origin, 401 without the key.
  std::optional<Response> refuse(const Head& head) const;

 private:
  bool host_is_ours(std::string_view host, std::string_view local_address) const;
  bool key_is_right(const Head& head) const;

  std::vector<std::string> names_;
  std::string key_;
};

// One spelling for each host: an IP address as it is usually written ("::1", and 127.0.0.1 for ::ffff:127.0.0.1), a
// name without the dot of the root behind it.
std::string canonical_host(std::string_view name);

// The host of "localhost:8080", "[::1]:8080" or "example.org", canonical; empty if the text is none of these forms.
std::string host_name(std::string_view host_and_port);

// localhost, names below it, 127.0.0.0/8 and ::1. host: canonical.
bool is_loopback(std::string_view host);

// Takes time that depends on the lengths alone.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace fovea::tools
