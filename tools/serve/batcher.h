// The queue of photos, and the threads that answer them: decoders take a photo's bytes to the network's input, one
// thread runs what is ready as one batch, one explains.
//
// Decoding stays off the batch thread, so that a large or hostile photo delays nobody whose photo is decoded; its loops
// run inline (the pool of parallel_for belongs to the network). A decoder cannot be stopped, so of the photos that take
// one long only one is decoded at a time, and with two decoders or more the others stay free. A photo holds one of
// `capacity` places from submit() until its answer; where it is cancelled, until the step that runs has ended. A full
// queue is said at once instead of being waited for.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fovea/explain/explainer.h>

#include "metrics.h"
#include "models.h"

namespace fovea::tools {

// What became of a photo: an answer (status 200), or why there is none.
struct Outcome {
  int status = 200;
  std::string code, message;
  Answer answer;
  std::optional<Explanation> explanation;
};

struct Photo {
  const ServedModel* model = nullptr;
  std::string bytes, name;
  int top = 5;
  std::optional<ExplainOptions> explain;
  std::function<void(const Outcome&)> done;  // called once, on a thread of the batcher; not at all after cancel()

  std::atomic<bool> unwanted = false;  // set by cancel(): ends an explanation that runs
  bool takes_long = false;             // to decode
  Prepared prepared;                   // of the batcher
  Outcome outcome;
};

class Batcher {
 public:
  struct Options {
    std::size_t capacity = 64;              // photos waiting or being worked on
    std::size_t batch = 16;                 // photos of one run, at most
    std::chrono::microseconds wait{2'000};  // how long a ready photo waits for those that are being decoded
    int decoders = 2;

    // Of the places, those that photos to be explained may hold: an explanation takes up to a minute, a photo a moment.
    std::size_t explanations() const { return std::max<std::size_t>(1, capacity / 8); }
  };

  Batcher(const Options& options, Metrics& metrics);
  ~Batcher();
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  // False, with nothing done, if the queue is full for this photo.
  bool submit(const std::shared_ptr<Photo>& photo);
  // Nobody wants the answer any more. A waiting photo leaves its place at once, one that is worked on when its step is
  // done.
  void cancel(const std::shared_ptr<Photo>& photo);

  std::size_t length() const;
  // Whether there is no place for one more photo, one to be explained or not.
  bool full(bool explain) const;

  // Drops what waits and ends the threads; false if they are still at work after `patience`.
  bool stop(std::chrono::milliseconds patience);

 private:
  using Photos = std::deque<std::shared_ptr<Photo>>;

  void decode_photos();
  void run_batches();
  void explain_photos();

  bool is_full(bool explain) const;
  void take_place(const Photo& photo);
  void leave_place(const Photo& photo);
  std::shared_ptr<Photo> take(Photos& from, std::condition_variable& wake);
  std::shared_ptr<Photo> take_undecoded();
  void end_decoding(bool was_long);
  void wait_for_ready(std::unique_lock<std::mutex>& lock);
  std::vector<std::shared_ptr<Photo>> take_batch();
  void pass_on(const std::shared_ptr<Photo>& photo, Photos& to, std::condition_variable& wake);
  void finish(const std::shared_ptr<Photo>& photo);
  void run(const std::vector<std::shared_ptr<Photo>>& batch);
  void start(void (Batcher::*work)());

  const Options options_;
  Metrics& metrics_;
  mutable std::mutex mutex_;
  std::condition_variable to_decode_, to_run_, to_explain_, ended_;
  Photos waiting_, long_waiting_, ready_, unexplained_;
  std::shared_ptr<Photo> explained_;  // the one whose explanation runs
  std::size_t places_ = 0, places_to_explain_ = 0, decoding_ = 0;
  bool decoding_long_ = false;
  int running_threads_ = 0;
  bool stopping_ = false;
  bool used_ = false;  // since memory was given back
  std::vector<std::thread> threads_;
};

}  // namespace fovea::tools
