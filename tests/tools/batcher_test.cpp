// The queue of `fovea serve`, without sockets.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <serve/batcher.h>
#include <support/catch.h>
#include <support/support.h>

namespace fovea::tools {
namespace {
using namespace test;

// Integrated gradients of this photo take 1,024 passes both ways: seconds.
std::shared_ptr<Photo> explained_photo(const ServedModel& model, const std::string& method) {
  auto photo = std::make_shared<Photo>();
  const std::vector<std::uint8_t> bytes = read_bytes(source_file("examples/photos/chelsea.png"));
  photo->model = &model;
  photo->bytes.assign(bytes.begin(), bytes.end());
  photo->name = "chelsea.png";
  photo->explain = ExplainOptions{.method = method};
  return photo;
}

ServedModel shipped() {
  ServedModel model{.name = "lite0", .path = source_file("models/efficientnet-lite0.safetensors")};
  model.classifier = std::make_unique<const Classifier>(Classifier::load(model.path));
  return model;
}

template <class Holds>
void wait_until(Holds&& holds) {
  while (!holds()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

// Where the network has run, the explanation is next; it may still be taken from its queue.
void wait_until_explained(const Metrics& metrics, int photos) {
  const std::string line = "fovea_photos_total " + std::to_string(photos) + "\n";
  wait_until([&] { return metrics.text(0, 0).find(line) != std::string::npos; });
}

TEST_CASE("an explanation that nobody wants any more stops, and the next one runs") {
  const ServedModel model = shipped();
  Metrics metrics;
  Batcher batcher({}, metrics);
  int runs = 0;
  std::atomic<int> answered = 0;
  bool stopped = false;
  while (!stopped) {
    const auto photo = explained_photo(model, "ig");
    photo->done = [&](const Outcome&) { ++answered; };
    REQUIRE(batcher.submit(photo));
    wait_until_explained(metrics, ++runs);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    batcher.cancel(photo);
    wait_until([&] { return batcher.length() == 0; });
    REQUIRE_FALSE(photo->outcome.explanation.has_value());
    stopped = photo->outcome.message.find("stopped") != std::string::npos;  // else it had not begun
  }

  CHECK(answered == 0);

  const auto next = explained_photo(model, "gradcam");
  std::mutex mutex;
  std::condition_variable wake;
  bool done = false;
  next->done = [&](const Outcome&) {
    const std::lock_guard lock(mutex);
    done = true;
    wake.notify_one();
  };
  REQUIRE(batcher.submit(next));
  std::unique_lock lock(mutex);
  wake.wait(lock, [&] { return done; });
  CHECK(next->outcome.status == 200);
  REQUIRE(next->outcome.explanation.has_value());
  CHECK(next->outcome.explanation->method == "gradcam");
}

TEST_CASE("the end of the server stops an explanation too") {
  const ServedModel model = shipped();
  Metrics metrics;
  const auto photo = explained_photo(model, "ig");
  photo->done = [](const Outcome&) {};
  {
    Batcher batcher({}, metrics);
    REQUIRE(batcher.submit(photo));
    wait_until_explained(metrics, 1);
  }
  CHECK_FALSE(photo->outcome.explanation.has_value());
}

}  // namespace
}  // namespace fovea::tools
