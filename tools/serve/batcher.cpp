#include "batcher.h"

#include <malloc.h>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include <fovea/core/parallel_for.h>

namespace fovea::tools {

namespace {
// Runs one step of a photo's way; what it throws becomes the photo's outcome with this status.
template <class Step>
void attempt(Outcome& outcome, int status, const char* code, Step&& step) {
  const auto failed = [&](int s, std::string c, std::string message) {
    outcome.status = s, outcome.code = std::move(c), outcome.message = std::move(message);
  };
  try {
    step();
  } catch (const Error& e) {
    if (e.code() == Code::out_of_memory)
      failed(503, "out_of_memory", e.what());
    else
      failed(status, code, e.what());
  } catch (const std::bad_alloc&) {
    failed(503, "out_of_memory", "there is no memory for this photo");
  } catch (const std::exception& e) {
    failed(500, "internal", e.what());
  }
}

std::span<const std::byte> bytes_of(const Photo& photo) {
  return std::as_bytes(std::span(photo.bytes.data(), photo.bytes.size()));
}

// Pixels that decoding visits, by the photo's own header: a JPEG's as often as it has scans. 0 where the header is bad,
// which the decoder will say.
std::int64_t visited_pixels(std::span<const std::byte> bytes) try {
  constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::max();
  switch (image_signature(bytes).format) {
    case ImageFormat::jpeg: {
      const detail::JpegInfo jpeg = detail::walk_jpeg(bytes, "", kAny);
      return std::int64_t{jpeg.width} * jpeg.height * jpeg.scans;
    }
    case ImageFormat::png: {
      const detail::PngInfo png = detail::walk_png(bytes, "", kAny);
      return png.width * png.height;
    }
    case ImageFormat::bmp: {
      detail::ByteReader reader(bytes, "", false);
      const detail::BmpInfo bmp = detail::read_bmp_header(reader, kAny);
      return bmp.width * bmp.height;
    }
    default:
      return 8 * static_cast<std::int64_t>(bytes.size());  // PNM: a bit a pixel at least
  }
} catch (const Error&) {
  return 0;
}
// More takes long. Enough for most cameras, and for three megapixels in ten scans.
constexpr std::int64_t kQuicklyVisited = 32'000'000;

// What a burst of large photos left behind goes back to the system.
void release_memory() {
  release_kept_memory();
  malloc_trim(0);
}
}  // namespace

Batcher::Batcher(const Options& options, Metrics& metrics) : options_(options), metrics_(metrics) {
  for (int i = 0; i < options_.decoders; ++i) start(&Batcher::decode_photos);
  start(&Batcher::run_batches);
  start(&Batcher::explain_photos);
}

Batcher::~Batcher() {
  stop(std::chrono::milliseconds(0));
  for (std::thread& t : threads_) t.join();
}

void Batcher::start(void (Batcher::*work)()) {
  const std::lock_guard lock(mutex_);
  ++running_threads_;
  threads_.emplace_back([this, work] {
    (this->*work)();
    const std::lock_guard ending(mutex_);
    --running_threads_;
    ended_.notify_all();
  });
}

bool Batcher::stop(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  for (Photos* queue : {&waiting_, &long_waiting_, &ready_, &unexplained_}) queue->clear();
  if (explained_) explained_->unwanted = true;
  to_decode_.notify_all(), to_run_.notify_all(), to_explain_.notify_all();
  return ended_.wait_for(lock, patience, [&] { return running_threads_ == 0; });
}

bool Batcher::submit(const std::shared_ptr<Photo>& photo) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || is_full(photo->explain.has_value())) return false;
  take_place(*photo);
  waiting_.push_back(photo);
  to_decode_.notify_one();
  if (!std::exchange(used_, true)) to_run_.notify_one();
  return true;
}

void Batcher::cancel(const std::shared_ptr<Photo>& photo) {
  const std::lock_guard lock(mutex_);
  if (!photo->done) return;  // answered already
  photo->done = nullptr;
  photo->unwanted = true;
  metrics_.cancelled();
  for (Photos* queue : {&waiting_, &long_waiting_, &ready_, &unexplained_})
    if (const auto at = std::find(queue->begin(), queue->end(), photo); at != queue->end()) {
      queue->erase(at);
      return leave_place(*photo);
    }
}

bool Batcher::is_full(bool explain) const {
  return places_ >= options_.capacity || (explain && places_to_explain_ >= options_.explanations());
}
void Batcher::take_place(const Photo& photo) {
  ++places_;
  if (photo.explain) ++places_to_explain_;
}
void Batcher::leave_place(const Photo& photo) {
  --places_;
  if (photo.explain) --places_to_explain_;
}

bool Batcher::full(bool explain) const {
  const std::lock_guard lock(mutex_);
  return is_full(explain);
}

std::size_t Batcher::length() const {
  const std::lock_guard lock(mutex_);
  return places_;
}

// The oldest photo of a queue; null when the end has come.
std::shared_ptr<Photo> Batcher::take(Photos& from, std::condition_variable& wake) {
  std::unique_lock lock(mutex_);
  wake.wait(lock, [&] { return stopping_ || !from.empty(); });
  if (stopping_) return nullptr;
  const std::shared_ptr<Photo> photo = std::move(from.front());
  from.pop_front();
  if (&from == &unexplained_) explained_ = photo;
  return photo;
}

// The next photo that a decoder may begin with; null when the end has come. One that takes long and may not begin yet
// is put aside.
std::shared_ptr<Photo> Batcher::take_undecoded() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto long_one = [&] { return !long_waiting_.empty() && !decoding_long_; };
    to_decode_.wait(lock, [&] { return stopping_ || long_one() || !waiting_.empty(); });
    if (stopping_) return nullptr;
    Photos& from = long_one() ? long_waiting_ : waiting_;
    const std::shared_ptr<Photo> photo = std::move(from.front());
    from.pop_front();
    ++decoding_;
    if (&from == &waiting_) {
      lock.unlock();
      photo->takes_long = visited_pixels(bytes_of(*photo)) > kQuicklyVisited;
      lock.lock();
    }
    if (photo->done && (!photo->takes_long || !std::exchange(decoding_long_, true))) return photo;
    --decoding_;
    if (photo->done)
      long_waiting_.push_back(photo);
    else  // cancelled while we looked at it
      leave_place(*photo);
  }
}

void Batcher::end_decoding(bool was_long) {
  const std::lock_guard lock(mutex_);
  --decoding_;
  if (!was_long) return;
  decoding_long_ = false;
  to_decode_.notify_one();
}

void Batcher::pass_on(const std::shared_ptr<Photo>& photo, Photos& to, std::condition_variable& wake) {
  {
    const std::lock_guard lock(mutex_);
    if (photo->done && !stopping_ && photo->outcome.status == 200) {
      to.push_back(photo);
      wake.notify_one();
      return;
    }
  }
  finish(photo);
}

void Batcher::finish(const std::shared_ptr<Photo>& photo) {
  std::function<void(const Outcome&)> done;
  {
    const std::lock_guard lock(mutex_);
    leave_place(*photo);
    done = std::exchange(photo->done, nullptr);
  }
  if (done) done(photo->outcome);
}

void Batcher::decode_photos() {
  const InlineParallelFor scope;
  while (const std::shared_ptr<Photo> photo = take_undecoded()) {
    attempt(photo->outcome, 422, "bad_image",
            [&] { photo->prepared = photo->model->classifier->prepare(bytes_of(*photo), photo->name); });
    if (!photo->explain) std::string().swap(photo->bytes);
    end_decoding(photo->takes_long);
    pass_on(photo, ready_, to_run_);
    to_run_.notify_one();  // also where nothing was passed on: the batch may be waiting for this photo
  }
}

// Waits for a photo that can run. What a burst of photos left behind is given back when a second passes without any.
void Batcher::wait_for_ready(std::unique_lock<std::mutex>& lock) {
  const auto wanted = [&] { return stopping_ || !ready_.empty(); };
  while (!wanted()) {
    if (!used_) {
      to_run_.wait(lock, [&] { return wanted() || used_; });
    } else if (!to_run_.wait_for(lock, std::chrono::seconds(1), wanted) && places_ == 0) {
      used_ = false;
      lock.unlock();
      release_memory();
      lock.lock();
    }
  }
}

// Up to options_.batch photos of one model; empty when the end has come.
std::vector<std::shared_ptr<Photo>> Batcher::take_batch() {
  std::unique_lock lock(mutex_);
  wait_for_ready(lock);
  to_run_.wait_for(lock, options_.wait,
                   [&] { return stopping_ || ready_.size() >= options_.batch || waiting_.size() + decoding_ == 0; });
  std::vector<std::shared_ptr<Photo>> batch;
  for (auto p = ready_.begin(); !stopping_ && p != ready_.end() && batch.size() < options_.batch;)
    if (batch.empty() || (*p)->model == batch.front()->model) {
      batch.push_back(std::move(*p));
      p = ready_.erase(p);
    } else {
      ++p;
    }
  return batch;
}

void Batcher::run_batches() {
  for (;;) {
    const std::vector<std::shared_ptr<Photo>> batch = take_batch();
    if (!batch.empty()) {
      run(batch);
      continue;
    }
    const std::lock_guard lock(mutex_);  // empty: the end, or all were cancelled meanwhile
    if (stopping_) return;
  }
}

void Batcher::run(const std::vector<std::shared_ptr<Photo>>& batch) {
  std::vector<Prepared> inputs;
  int top = 0;
  for (const auto& p : batch) {
    inputs.push_back(std::move(p->prepared));
    top = std::max(top, p->top);
  }
  Outcome all;
  std::vector<Answer> answers;
  attempt(all, 500, "internal", [&] { answers = batch.front()->model->classifier->classify(inputs, top); });
  metrics_.batch(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    batch[i]->outcome = all;
    if (all.status == 200) batch[i]->outcome.answer = std::move(answers[i]);
    if (batch[i]->explain)
      pass_on(batch[i], unexplained_, to_explain_);
    else
      finish(batch[i]);
  }
}

// The photo is decoded again: its bytes are small, and pixels of all that wait would not be.
void Batcher::explain_photos() {
  while (const std::shared_ptr<Photo> photo = take(unexplained_, to_explain_)) {
    attempt(photo->outcome, 422, "cannot_explain", [&] {
      const Image pixels = decode_image(bytes_of(*photo), photo->name).pixels;
      ExplainOptions options = *photo->explain;
      options.stop = &photo->unwanted;
      photo->outcome.explanation = explain(*photo->model->classifier, pixels, options);
    });
    finish(photo);
    const std::lock_guard lock(mutex_);
    explained_ = nullptr;
  }
}

}  // namespace fovea::tools
