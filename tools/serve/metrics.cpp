#include "metrics.h"

#include <algorithm>
#include <cstdio>

namespace fovea::tools {

namespace {
std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

void describe(std::string& out, const std::string& name, const char* type, const char* help) {
  out += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
}

void single(std::string& out, const std::string& name, const char* type, const char* help, std::uint64_t value) {
  describe(out, name, type, help);
  out += name + " " + std::to_string(value) + "\n";
}
}  // namespace

void Metrics::request(std::string_view route, int status, double seconds, std::uint64_t received, std::uint64_t sent) {
  const std::lock_guard lock(mutex_);
  ++requests_[{std::string(route), status}];
  const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), seconds) - kBounds.begin();
  ++buckets_[static_cast<std::size_t>(bucket)];
  seconds_ += seconds;
  received_ += received;
  sent_ += sent;
}

void Metrics::rejected(std::string_view reason) {
  const std::lock_guard lock(mutex_);
  ++rejected_[std::string(reason)];
}

void Metrics::batch(std::size_t photos) {
  const std::lock_guard lock(mutex_);
  ++batches_;
  photos_ += photos;
}

void Metrics::cancelled() {
  const std::lock_guard lock(mutex_);
  ++cancelled_;
}

std::string Metrics::text(std::size_t queue_length, std::size_t connections) const {
  const std::lock_guard lock(mutex_);
  std::string out;
  describe(out, "fovea_http_requests_total", "counter", "Answered requests by route and status code.");
  for (const auto& [key, count] : requests_)
    out += "fovea_http_requests_total{route=\"" + key.first + "\",code=\"" + std::to_string(key.second) + "\"} " +
           std::to_string(count) + "\n";
  describe(out, "fovea_rejected_total", "counter", "Requests and connections turned away, by what was exhausted.");
  for (const auto& [reason, count] : rejected_)
    out += "fovea_rejected_total{reason=\"" + reason + "\"} " + std::to_string(count) + "\n";
  single(out, "fovea_cancelled_total", "counter", "Photos whose client went away before the answer.", cancelled_);
  single(out, "fovea_received_bytes_total", "counter", "Bytes of requests.", received_);
  single(out, "fovea_sent_bytes_total", "counter", "Bytes of answers.", sent_);
  single(out, "fovea_photos_total", "counter", "Photos that went through a network.", photos_);
  single(out, "fovea_batches_total", "counter", "Runs of a network, each on one or more photos.", batches_);
  single(out, "fovea_queue_length", "gauge", "Photos waiting or being worked on.", queue_length);
  single(out, "fovea_connections", "gauge", "Open connections.", connections);
  const std::string seconds = "fovea_http_request_duration_seconds";
  describe(out, seconds, "histogram", "From the end of a request's head to the end of its answer.");
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    below += buckets_[i];
    const std::string bound = i < kBounds.size() ? number(kBounds[i]) : "+Inf";
    out += seconds + "_bucket{le=\"" + bound + "\"} " + std::to_string(below) + "\n";
  }
  return out + seconds + "_sum " + number(seconds_) + "\n" + seconds + "_count " + std::to_string(below) + "\n";
}

}  // namespace fovea::tools
