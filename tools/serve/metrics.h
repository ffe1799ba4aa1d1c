// What the server counts, and the Prometheus text of it (GET /metrics). Safe from several threads.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace fovea::tools {

class Metrics {
 public:
  // One answered request; `route` is one of the router's names, never a client's text. Bytes are those on the wire.
  void request(std::string_view route, int status, double seconds, std::uint64_t received, std::uint64_t sent);
  // A request or connection that was turned away: "queue", "connections", "memory".
  void rejected(std::string_view reason);
  // Photos that ran as one batch.
  void batch(std::size_t photos);
  // A client that went away before its answer.
  void cancelled();

  std::string text(std::size_t queue_length, std::size_t connections) const;

 private:
  // Seconds; the last bucket has no bound.
  static constexpr std::array<double, 11> kBounds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::uint64_t> requests_;
  std::map<std::string, std::uint64_t> rejected_ = {{"connections", 0}, {"memory", 0}, {"queue", 0}};
  std::array<std::uint64_t, kBounds.size() + 1> buckets_{};
  double seconds_ = 0;
  std::uint64_t received_ = 0, sent_ = 0, batches_ = 0, photos_ = 0, cancelled_ = 0;
};

}  // namespace fovea::tools
