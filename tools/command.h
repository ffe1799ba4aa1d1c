// A command of the program: it adds its options to a sub-command and returns what runs it. main.cpp lists them all.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace fovea::tools {

// Exit codes of every command.
enum Exit : int {
  kGood = 0,
  kRunTimeError = 1,
  kUsage = 2,
  kGateFailed = 3,  // a quality gate that the user set was not met
  kBadData = 4,     // an input was malformed; also when one of many was
};

using Run = std::function<int()>;  // returns an Exit

Run add_classify(CLI::App& app);
Run add_convert(CLI::App& app);
Run add_explain(CLI::App& app);
Run add_info(CLI::App& app);
Run add_serve(CLI::App& app);

}  // namespace fovea::tools
