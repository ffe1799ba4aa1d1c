// Loader: batches of a data set, made on a second thread while the first computes. Layer data.
//
//   Loader loader(train, {.batch_size = 128, .seed = 1, .shuffle = true});
//   for (Loader::Batches batches = loader.epoch(e); const std::optional<Batch> batch = batches.next();) ...
//
// A data set has size() and batch(samples, seed, epoch) -> Batch, which must be callable from another thread.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fovea/core/tensor.h>
#include <fovea/data/sampler.h>
#if !defined(FOVEA_SINGLE_THREAD)
#  include <condition_variable>
#  include <mutex>
#  include <thread>

#  include <fovea/core/thread_pool.h>
#endif

namespace fovea::inline FOVEA_ABI {

struct Batch {
  Tensor<float> images;         // N H W C, normalised
  Tensor<std::int64_t> labels;  // N
};

struct LoaderOptions {
  std::int64_t batch_size = 128;
  std::uint64_t seed = 0;
  bool shuffle = false;
  bool drop_last = false;  // leave out a last batch that is not full
};

// Calls make(i) for i = 0..count-1 on a thread of its own, at most two results ahead of the caller, who takes them in
// order. What make throws is thrown by next(). Going out of scope early is fine.
template <class Result>
class Prefetch {
 public:
  Prefetch(std::int64_t count, std::function<Result(std::int64_t)> make) : count_(count), make_(std::move(make)) {
#if !defined(FOVEA_SINGLE_THREAD)
    if (count > 0) worker_ = std::thread([this] { work(); });
#endif
  }
  ~Prefetch() {
#if !defined(FOVEA_SINGLE_THREAD)
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    if (worker_.joinable()) worker_.join();
#endif
  }
  Prefetch(const Prefetch&) = delete;
  Prefetch& operator=(const Prefetch&) = delete;

  std::int64_t count() const { return count_; }

  // The next result; nothing after the last.
  std::optional<Result> next() {
    if (taken_ == count_) return std::nullopt;
#if defined(FOVEA_SINGLE_THREAD)
    return make_(taken_++);
#else
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !ready_.empty() || error_; });
    if (ready_.empty()) std::rethrow_exception(error_);
    Result result = std::move(ready_.front());
    ready_.erase(ready_.begin());
    ++taken_;
    changed_.notify_all();
    return result;
#endif
  }

 private:
  std::int64_t count_, taken_ = 0;
  std::function<Result(std::int64_t)> make_;
#if !defined(FOVEA_SINGLE_THREAD)
  void work() {
    // The pool stays with the caller: one of its ops that finds the pool taken runs on a single core.
    detail::inside_parallel_for = true;
    try {
      for (std::int64_t i = 0; i < count_; ++i) {
        {
          std::unique_lock lock(mutex_);
          changed_.wait(lock, [&] { return ready_.size() < 2 || stopped_; });
          if (stopped_) return;
        }
        Result result = make_(i);
        const std::lock_guard lock(mutex_);
        ready_.push_back(std::move(result));
        changed_.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      error_ = std::current_exception();
      changed_.notify_all();
    }
  }

  std::vector<Result> ready_;
  std::exception_ptr error_;
  bool stopped_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread worker_;
#endif
};

// The data set must outlive the loader and its batches.
class Loader {
 public:
  using Batches = Prefetch<Batch>;

  template <class Dataset>
  Loader(const Dataset& data, const LoaderOptions& options)
      : size_(data.size()),
        options_(options),
        make_([&data](std::span<const std::int64_t> samples, std::uint64_t seed, std::uint64_t epoch) {
          return data.batch(samples, seed, epoch);
        }) {
    if (options.batch_size < 1) fail("Loader: batch_size ", options.batch_size, ", at least 1 is wanted");
  }

  std::int64_t batches() const {
    return options_.drop_last ? size_ / options_.batch_size : (size_ + options_.batch_size - 1) / options_.batch_size;
  }

  // The batches of an epoch, in an order of its own if they are shuffled.
  Batches epoch(std::uint64_t epoch) const {
    std::vector<std::int64_t> order;
    if (options_.shuffle) {
      order = shuffled(size_, options_.seed, epoch);
    } else {
      for (std::int64_t i = 0; i < size_; ++i) order.push_back(i);
    }
    return Batches(batches(), [order = std::move(order), make = make_, o = options_, epoch](std::int64_t i) {
      const std::int64_t first = i * o.batch_size, left = static_cast<std::int64_t>(order.size()) - first;
      const auto count = static_cast<std::size_t>(std::min(o.batch_size, left));
      return make(std::span(order).subspan(static_cast<std::size_t>(first), count), o.seed, epoch);
    });
  }

 private:
  std::int64_t size_;
  LoaderOptions options_;
  std::function<Batch(std::span<const std::int64_t>, std::uint64_t, std::uint64_t)> make_;
};

}  // namespace fovea::inline FOVEA_ABI
