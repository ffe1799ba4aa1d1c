// What the server answers to which path. No socket here: a Head comes in, and where the path wants one a body; a
// Response goes out, for a photo later and on another thread.
//
//   POST /api/classify?top=5&model=NAME&name=cat.jpg&explain=gradcam&class=281   the bytes of one photo as the body
//   GET  /api/models, /healthz, /readyz, /metrics, and the files of the page
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "batcher.h"
#include "guard.h"
#include "http.h"
#include "metrics.h"
#include "models.h"

namespace fovea::tools {

class Router {
 public:
  Router(Guard guard, const ServedModels& models, Batcher& batcher, Metrics& metrics, std::uint64_t max_upload)
      : guard_(std::move(guard)), models_(models), batcher_(batcher), metrics_(metrics), max_upload_(max_upload) {}

  // What can be said before the body is read: every refusal that needs only the head, and the answers of all paths that
  // take no body. Nothing: read the body, then call classify(). connections: that are open, for the metrics.
  std::optional<Response> answer(const Head& head, std::size_t connections) const;

  using Done = std::function<void(Response)>;
  // Queues the photo; `done` is called once, on another thread. Returns what to cancel. Where the queue is full, done
  // is called before the return, and null is returned.
  std::shared_ptr<Photo> classify(const Head& head, std::string body, Done done) const;

  void cancel(const std::shared_ptr<Photo>& photo) const { batcher_.cancel(photo); }

  Response too_large() const;

  // The route of a path, for logs and metrics; "other" for what we do not have.
  static std::string_view route_of(std::string_view path);

 private:
  std::optional<Response> refuse_photo(const Head& head) const;
  Response models() const;
  Response readiness() const;
  Response queue_full(bool explain) const;

  Guard guard_;
  const ServedModels& models_;
  Batcher& batcher_;
  Metrics& metrics_;
  std::uint64_t max_upload_;
};

}  // namespace fovea::tools
