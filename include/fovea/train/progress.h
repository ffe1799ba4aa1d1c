// TrainingProgress: where a training run stands, for people: one line that moves on a terminal, a line now and then
// elsewhere, a line an epoch in both. Layer train.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>

#if defined(__unix__) || defined(__APPLE__)
#  include <unistd.h>
#endif

#include <fovea/core/format.h>
#include <fovea/core/tensor.h>

namespace fovea::inline FOVEA_ABI {

// Rows of logits (N x classes) whose largest value is at the label.
template <class T>
std::int64_t count_correct(const Tensor<T>& logits, const Tensor<std::int64_t>& labels) {
  const std::int64_t classes = logits.size(-1), rows = labels.numel();
  if (logits.rank() != 2 || logits.size(0) != rows)
    fail("count_correct: logits ", logits.shape(), " and labels ", labels.shape(), "; N x classes and N are wanted");
  std::int64_t correct = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    const T* row = logits.data() + i * classes;
    std::int64_t best = 0;
    for (std::int64_t c = 1; c < classes; ++c)
      if (row[c] > row[best]) best = c;
    correct += best == labels.data()[i];
  }
  return correct;
}

class TrainingProgress {
 public:
  TrainingProgress(std::int64_t epochs, std::int64_t batches, std::FILE* out = stdout)
      : epochs_(epochs), batches_(batches), out_(out), terminal_(is_terminal(out)), start_(Clock::now()) {}
  ~TrainingProgress() { clear(); }
  TrainingProgress(const TrainingProgress&) = delete;
  TrainingProgress& operator=(const TrainingProgress&) = delete;

  // One step: its mean loss, and how many of its images were answered right.
  void step(double loss, std::int64_t correct, std::int64_t images) {
    ++batch_;
    loss_ += loss * static_cast<double>(images);
    correct_ += correct;
    images_ += images;
    all_images_ += images;
    const Clock::time_point now = Clock::now();
    if (seconds(last_, now) < (terminal_ ? 0.2 : 30)) return;
    last_ = now;
    print("batch " + std::to_string(batch_) + "/" + std::to_string(batches_) + "  ", "ETA " + duration(left()));
  }

  // Ends the epoch. `test_accuracy` is a fraction; NaN if it was not measured.
  void end_epoch(double test_accuracy = std::nan("")) {
    std::string end = duration(seconds(start_, Clock::now()));
    if (!std::isnan(test_accuracy)) end = "test accuracy " + percent(test_accuracy) + "  " + end;
    print("", end);
    if (terminal_) std::fputc('\n', out_), drawn_ = false;
    ++epoch_;
    batch_ = correct_ = images_ = 0;
    loss_ = 0;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static double seconds(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
  }
  static std::string percent(double fraction) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f %%", 100 * fraction);
    return text;
  }
  static bool is_terminal([[maybe_unused]] std::FILE* out) {
#if defined(__unix__) || defined(__APPLE__)
    return isatty(fileno(out)) != 0;
#else
    return false;
#endif
  }

  // Of the whole run, at the pace so far.
  double left() const {
    const auto done = static_cast<double>((epoch_ - 1) * batches_ + batch_);
    return seconds(start_, Clock::now()) / done * (static_cast<double>(epochs_ * batches_) - done);
  }

  void print(const std::string& where, const std::string& end) {
    const auto images = static_cast<double>(images_);
    char text[160];
    std::snprintf(text, sizeof text, "epoch %lld/%lld  %sloss %.4f  accuracy %s  %s img/s  %s",
                  static_cast<long long>(epoch_), static_cast<long long>(epochs_), where.c_str(), loss_ / images,
                  percent(static_cast<double>(correct_) / images).c_str(),
                  grouped(std::llround(static_cast<double>(all_images_) / seconds(start_, Clock::now()))).c_str(),
                  end.c_str());
    // Escape codes: to the line's begin, and clear to its end.
    if (terminal_)
      std::fprintf(out_, "\r%s\033[K", text), drawn_ = true;
    else
      std::fprintf(out_, "%s\n", text);
    std::fflush(out_);
  }
  void clear() {
    if (drawn_) std::fputs("\r\033[K", out_), std::fflush(out_);
    drawn_ = false;
  }

  std::int64_t epochs_, batches_, epoch_ = 1, batch_ = 0, correct_ = 0, images_ = 0, all_images_ = 0;
  double loss_ = 0;
  std::FILE* out_;
  bool terminal_, drawn_ = false;
  Clock::time_point start_, last_ = start_;
};

}  // namespace fovea::inline FOVEA_ABI
