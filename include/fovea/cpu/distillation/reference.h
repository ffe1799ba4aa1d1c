// The reference distillation loss, in double. Layer cpu.
#pragma once

#include <cmath>
#include <limits>

#include <fovea/cpu/distillation/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// log(sum of exp(x / t)), relative to the maximum.
template <class T>
double tempered_log_sum(const T* x, std::int64_t n, double t) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (std::int64_t c = 0; c < n; ++c) {
    const double v = static_cast<double>(x[c]) / t;
    if (v > largest) largest = v;
  }
  for (std::int64_t c = 0; c < n; ++c) sum += std::exp(static_cast<double>(x[c]) / t - largest);
  return largest + std::log(sum);
}

template <class T>
void distillation_reference(const DistillationArgs<T>& a, std::int64_t begin, std::int64_t end) {
  const double t = a.temperature;
  for (std::int64_t row = begin; row < end; ++row) {
    const T *s = a.student + row * a.classes, *teacher = a.teacher + row * a.classes;
    const double log_s = tempered_log_sum(s, a.classes, t), log_q = tempered_log_sum(teacher, a.classes, t);
    double loss = 0;
    for (std::int64_t c = 0; c < a.classes; ++c) {
      const double q = static_cast<double>(teacher[c]) / t - log_q, p = static_cast<double>(s[c]) / t - log_s;
      const double probability = std::exp(q);
      if (probability > 0) loss += probability * (q - p);
    }
    a.loss[row] = loss;
  }
}

template <class T>
void distillation_grad_reference(const DistillationGradArgs<T>& a, std::int64_t begin, std::int64_t end) {
  const double t = a.temperature;
  for (std::int64_t row = begin; row < end; ++row) {
    const std::int64_t first = row * a.classes;
    const double log_s = tempered_log_sum(a.student + first, a.classes, t),
                 log_q = tempered_log_sum(a.teacher + first, a.classes, t);
    for (std::int64_t i = first; i < first + a.classes; ++i) {
      const double p = std::exp(static_cast<double>(a.student[i]) / t - log_s),
                   q = std::exp(static_cast<double>(a.teacher[i]) / t - log_q);
      a.dstudent[i] = static_cast<T>(a.scale * (p - q));
    }
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
