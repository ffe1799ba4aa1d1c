#include "router.h"

#include <algorithm>
#include <charconv>

#include <fovea/core/suggest.h>
#include <fovea/image/encode.h>

#include "base64.h"
#include "page_files.h"

namespace fovea::tools {

namespace {
constexpr std::string_view kClassify = "/api/classify";
constexpr std::string_view kPaths[] = {kClassify, "/api/models", "/healthz", "/readyz", "/metrics"};
constexpr int kDefaultTop = 5;
// Of integrated gradients: one explanation runs at a time, and 1,024 steps take more than a minute of a small machine.
constexpr int kSteps = 256;

const PageFile* page_file(std::string_view path) {
  for (const PageFile& f : page_files())
    if (f.path == path) return &f;
  return nullptr;
}

Response wrong_method(const Head& head, const std::string& allowed) {
  Response r = error_response(405, "method_not_allowed", head.target.path + " takes " + allowed);
  r.headers.emplace_back("Allow", allowed);
  return r;
}

Response not_found() {
  return error_response(404, "not_found",
                        "there is no such path here; there are /, /api/classify, /api/models, /healthz, /readyz and "
                        "/metrics");
}

Response bad_parameter(const std::string& message) { return error_response(400, "bad_parameter", message); }

// The command that works, with the address that the client already has.
std::string curl_line(const Head& head) {
  return "curl --data-binary @cat.jpg http://" + *head.host + std::string(kClassify);
}

std::optional<std::int64_t> integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The parameters of /api/classify, or the first that is wrong.
struct Parameters {
  const ServedModel* model = nullptr;
  std::string name = "body";
  std::int64_t top = kDefaultTop;
  std::optional<ExplainOptions> explain = {};
  std::optional<std::int64_t> explained_class = {};
  std::optional<Response> wrong = {};
};

// What a client wrote, in a message to it.
std::string quoted(const std::string& text) {
  constexpr std::size_t kLongest = 100;
  return "'" + text.substr(0, kLongest) + (text.size() > kLongest ? "...'" : "'");
}

std::optional<Response> read_parameter(const std::string& name, const std::string& value, const ServedModels& models,
                                       Parameters& p) {
  constexpr std::string_view kNames[] = {"top", "model", "name", "explain", "class"};
  constexpr std::size_t kLongestName = 1024;
  if (name == "top") {
    p.top = integer(value).value_or(0);
    if (p.top < 1) return bad_parameter("top is " + quoted(value) + ", a number from 1 is wanted");
  } else if (name == "model") {
    p.model = models.find(value);
    if (!p.model)
      return error_response(404, "unknown_model", "no model " + quoted(value) + suggest(value, models.names()));
  } else if (name == "name") {
    if (value.size() > kLongestName) return bad_parameter("name is longer than 1024 bytes");
    if (!value.empty()) p.name = value;
  } else if (name == "explain") {
    if (std::find(std::begin(kExplainMethods), std::end(kExplainMethods), value) == std::end(kExplainMethods))
      return bad_parameter("explain is " + quoted(value) + ", gradcam, ig or occlusion is wanted");
    p.explain = ExplainOptions{.method = value, .max_steps = kSteps};
  } else if (name == "class") {
    p.explained_class = integer(value).value_or(-1);
  } else {
    return bad_parameter("unknown parameter " + quoted(name) + suggest(name, kNames));
  }
  return std::nullopt;
}

Parameters read_parameters(const Head& head, const ServedModels& models) {
  Parameters p{.model = models.find("")};
  for (const auto& [name, value] : head.target.query)
    if (p.wrong = read_parameter(name, value, models, p); p.wrong) return p;
  const std::int64_t classes = p.model->classifier->class_count();
  p.top = std::min(p.top, classes);
  if (p.explained_class) {
    if (!p.explain) p.wrong = bad_parameter("class says what to explain; explain=METHOD is missing");
    if (*p.explained_class < 0 || *p.explained_class >= classes)
      p.wrong = bad_parameter("class is a number from 0 to " + std::to_string(classes - 1));
    if (!p.wrong) p.explain->index = *p.explained_class;
  }
  return p;
}

Document explanation_json(const Explanation& e) {
  const std::vector<std::byte> png = encode_png(e.heat);
  Document d = {{"method", e.method}, {"name", e.name},     {"class", e.index},  {"probability", e.probability},
                {"width", e.width},   {"height", e.height}, {"png", base64(png)}};
  if (e.method == "ig") d["steps"] = e.steps, d["error"] = e.error;
  return d;
}

Response answer_response(const ServedModel& model, const std::string& name, int top, const Outcome& outcome) try {
  if (outcome.status == 503) return busy_response(outcome.code, outcome.message);
  if (outcome.status != 200) return error_response(outcome.status, outcome.code, outcome.message);
  Document image = image_json(name, outcome.answer, top);
  if (outcome.explanation) image["explain"] = explanation_json(*outcome.explanation);
  return json_response(text_of(answers_json(model.answer, Document::array({std::move(image)})), -1));
} catch (const std::exception& e) {  // it runs on a thread of the batcher, which must go on
  return error_response(500, "internal", e.what());
}
}  // namespace

std::string_view Router::route_of(std::string_view path) {
  if (const auto* const known = std::find(std::begin(kPaths), std::end(kPaths), path); known != std::end(kPaths))
    return *known;
  const PageFile* file = page_file(path);
  return file ? file->path : "other";
}

Response Router::too_large() const {
  return error_response(413, "too_large", "a photo may have " + std::to_string(max_upload_) + " bytes here");
}

Response Router::queue_full(bool explain) const {
  metrics_.rejected("queue");
  return busy_response("busy", explain && !batcher_.full(false)
                                   ? "as many photos as may are waiting to be explained, please try again"
                                   : "the queue is full, please try again");
}

Response Router::readiness() const {
  if (!models_.ready()) return busy_response("loading", "the model is being loaded");
  return json_response(R"({"status":"ready"})");
}

Response Router::models() const {
  if (!models_.ready()) return readiness();
  return json_response(models_.description());
}

// Everything that is known to be wrong with a photo before it is sent.
std::optional<Response> Router::refuse_photo(const Head& head) const {
  if (!models_.ready()) return readiness();
  if (starts_ignoring_case(head.content_type, "multipart/"))
    return error_response(415, "multipart", "forms are not read; the body is the photo itself: " + curl_line(head));
  if (!head.content_encoding.empty() && !equals_ignoring_case(head.content_encoding, "identity"))
    return error_response(415, "content_encoding", "the photo is wanted as it is, without Content-Encoding");
  if (head.content_length.value_or(0) > max_upload_) return too_large();
  Parameters p = read_parameters(head, models_);
  if (p.wrong) return std::move(p.wrong);
  if (batcher_.full(p.explain.has_value())) return queue_full(p.explain.has_value());
  return std::nullopt;
}

std::optional<Response> Router::answer(const Head& head, std::size_t connections) const {
  if (auto refused = guard_.refuse(head)) return refused;
  const std::string& path = head.target.path;
  if (path == "*") return wrong_method(head, "GET, HEAD, POST, PUT");
  if (route_of(path) == "other") return not_found();
  if (path == kClassify) {
    if (head.method != "POST" && head.method != "PUT") return wrong_method(head, "POST, PUT");
    return refuse_photo(head);
  }
  if (head.method != "GET" && head.method != "HEAD") return wrong_method(head, "GET, HEAD");
  if (path == "/api/models") return models();
  if (path == "/readyz") return readiness();
  if (path == "/healthz") return json_response(R"({"status":"live"})");
  if (path == "/metrics")
    return Response{.type = "text/plain; version=0.0.4; charset=utf-8",
                    .body = metrics_.text(batcher_.length(), connections)};
  const PageFile* file = page_file(path);
  return Response{.type = std::string(file->type), .body = std::string(file->bytes)};
}

std::shared_ptr<Photo> Router::classify(const Head& head, std::string body, Done done) const {
  Parameters p = read_parameters(head, models_);
  auto photo = std::make_shared<Photo>();
  photo->model = p.model;
  photo->bytes = std::move(body);
  photo->name = std::move(p.name);
  photo->top = static_cast<int>(p.top);
  photo->explain = std::move(p.explain);
  photo->done = [done, model = p.model, name = photo->name, top = photo->top](const Outcome& outcome) {
    done(answer_response(*model, name, top, outcome));
  };
  if (batcher_.submit(photo)) return photo;
  done(queue_full(photo->explain.has_value()));
  return nullptr;
}

}  // namespace fovea::tools
