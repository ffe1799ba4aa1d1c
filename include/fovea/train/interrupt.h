// Interrupt: Ctrl-C ends a loop after its step instead of the program. Layer train.
//
//   const Interrupt interrupt;
//   while (... && !interrupt.asked()) ...
#pragma once

#include <csignal>

#include <fovea/core/config.h>

namespace fovea::inline FOVEA_ABI {

// While one is alive, the first SIGINT or SIGTERM is remembered; a second one does what it did before.
class Interrupt {
 public:
  Interrupt() : old_int_(std::signal(SIGINT, remember)), old_term_(std::signal(SIGTERM, remember)) { caught_ = 0; }
  ~Interrupt() {
    std::signal(SIGINT, old_int_);
    std::signal(SIGTERM, old_term_);
  }
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool asked() const { return caught_ != 0; }

 private:
  using Handler = void (*)(int);
  static void remember(int signal) {
    caught_ = 1;
    std::signal(signal, SIG_DFL);
  }
  static inline volatile std::sig_atomic_t caught_ = 0;
  Handler old_int_, old_term_;
};

}  // namespace fovea::inline FOVEA_ABI
