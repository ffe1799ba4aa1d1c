// The queue of `fovea serve`, without sockets.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <serve/batcher.h>
#include <support/catch.h>
#include <support/support.h>
#include <tools/program.h>

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

// Bits as a PBM, 0 everywhere: a picture that takes long if it is large.
std::shared_ptr<Photo> plain_photo(const ServedModel& model, int width, int height) {
  auto photo = std::make_shared<Photo>();
  photo->model = &model;
  photo->bytes = "P4 " + std::to_string(width) + " " + std::to_string(height) + "\n";
  photo->bytes.append(static_cast<std::size_t>(width / 8 * height), '\0');
  photo->name = std::to_string(width);
  return photo;
}

TEST_CASE("photos that take long to decode wait for each other, and others do not wait for them") {
  const ServedModel model = shipped();
  Metrics metrics;
  std::mutex mutex;
  std::vector<std::string> answered;
  Batcher batcher({.decoders = 2}, metrics);
  for (const auto& photo : {plain_photo(model, 8000, 5000), plain_photo(model, 8000, 5000),
                            plain_photo(model, 8000, 5000), plain_photo(model, 80, 50)}) {
    photo->done = [&, name = photo->name](const Outcome& outcome) {
      CHECK(outcome.status == 200);
      const std::lock_guard lock(mutex);
      answered.push_back(name);
    };
    REQUIRE(batcher.submit(photo));
  }
  wait_until([&] { return batcher.length() == 0; });
  const std::lock_guard lock(mutex);
  REQUIRE(answered.size() == 4);
  CHECK((answered[0] == "80" || answered[1] == "80"));
}

TEST_CASE("a photo that takes long can be cancelled while it waits for another") {
  const ServedModel model = shipped();
  Metrics metrics;
  Batcher batcher({.decoders = 2}, metrics);
  std::vector<std::shared_ptr<Photo>> photos;
  for (int i = 0; i < 3; ++i) {
    photos.push_back(plain_photo(model, 8000, 5000));
    photos.back()->done = [](const Outcome&) {};
    REQUIRE(batcher.submit(photos.back()));
  }
  for (const auto& photo : photos) batcher.cancel(photo);
  wait_until([&] { return batcher.length() == 0; });
  CHECK(contains(metrics.text(0, 0), "fovea_photos_total 0\n"));
}

TEST_CASE("photos to be explained hold an eighth of the places at most") {
  const ServedModel model = shipped();
  Metrics metrics;
  Batcher batcher({.capacity = 16}, metrics);
  std::vector<std::shared_ptr<Photo>> photos;
  for (int i = 0; i < 3; ++i) {
    photos.push_back(explained_photo(model, "ig"));
    photos.back()->done = [](const Outcome&) {};
    CHECK(batcher.full(true) == (i == 2));
    CHECK(batcher.submit(photos.back()) == (i < 2));
  }
  CHECK_FALSE(batcher.full(false));
  const auto plain = plain_photo(model, 80, 50);
  plain->done = [](const Outcome& outcome) { CHECK(outcome.status == 200); };
  CHECK(batcher.submit(plain));
  wait_until([&] { return batcher.length() == 2; });
  batcher.cancel(photos[0]);
  wait_until([&] { return !batcher.full(true); });
}

}  // namespace
}  // namespace fovea::tools
