// What a training run tells people, and how it is stopped.
#include <csignal>
#include <cstdio>
#include <limits>

#include <fovea/train/interrupt.h>
#include <fovea/train/progress.h>
#include <support/catch.h>

namespace fovea {
namespace {

TEST_CASE("answers are counted where the largest logit is at the label; the first of equals wins") {
  const Tensor<float> logits({4, 3}, {1, 2, 0, 3, -1, 2, 5, 5, 1, -3, -2, -1});
  CHECK(count_correct(logits, Tensor<std::int64_t>({4}, {1, 0, 0, 2})) == 4);
  CHECK(count_correct(logits, Tensor<std::int64_t>({4}, {1, 0, 1, 0})) == 2);
  CHECK(count_correct(logits, Tensor<std::int64_t>({4}, {0, 1, 2, 1})) == 0);
  CHECK(count_correct(Tensor<double>({1, 1}, {7.0}), Tensor<std::int64_t>({1}, {0})) == 1);
  CHECK(count_correct(Tensor<float>(Shape{0, 3}), Tensor<std::int64_t>(Shape{0})) == 0);
  CHECK_THROWS_WITH(count_correct(logits, Tensor<std::int64_t>({3}, {0, 0, 0})), Catch::Contains("count_correct"));
}

struct TextFile {
  std::FILE* file = std::tmpfile();
  ~TextFile() { std::fclose(file); }
  std::string text() const {
    std::rewind(file);
    std::string all;
    for (int c = 0; (c = std::fgetc(file)) != EOF;) all += static_cast<char>(c);
    return all;
  }
};

TEST_CASE("progress in a file is one plain line an epoch") {
  const TextFile out;
  {
    TrainingProgress progress(2, 3, out.file);
    progress.step(2, 1, 4);  // mean loss 2 of 4 images, 1 of them right
    progress.step(1, 4, 4);
    progress.step(0.5, 2, 2);
    progress.end_epoch(0.625);
    progress.step(0.25, 3, 4);
    progress.end_epoch();
  }
  const std::string text = out.text();
  INFO(text);
  const std::size_t line = text.find('\n');
  REQUIRE(line != std::string::npos);
  const std::string first = text.substr(0, line), second = text.substr(line + 1);
  CHECK_THAT(first, Catch::StartsWith("epoch 1/2  loss 1.3000  accuracy 70.00 %  "));
  CHECK_THAT(first, Catch::Contains(" img/s  test accuracy 62.50 %  "));
  CHECK_THAT(second, Catch::StartsWith("epoch 2/2  loss 0.2500  accuracy 75.00 %  "));  // each epoch on its own
  CHECK(second.find("test accuracy") == std::string::npos);
  CHECK(second.find('\n') == second.size() - 1);
  CHECK(text.find('\r') == std::string::npos);
  CHECK(text.find('\033') == std::string::npos);
}

int signals = 0;
void count_signal(int) { ++signals; }

TEST_CASE("the first Ctrl-C is remembered, and afterwards signals do what they did before") {
  for (const int signal : {SIGINT, SIGTERM}) {
    signals = 0;
    const auto before = std::signal(signal, count_signal);
    {
      const Interrupt interrupt;
      CHECK_FALSE(interrupt.asked());
      std::raise(signal);
      CHECK(interrupt.asked());
      CHECK(interrupt.asked());
    }
    CHECK(signals == 0);
    std::signal(signal, count_signal);
    {
      const Interrupt another;
      CHECK_FALSE(another.asked());
    }
    std::raise(signal);
    CHECK(signals == 1);
    std::signal(signal, before);
  }
}

}  // namespace
}  // namespace fovea
