// `fovea serve` of a program that was built without Boost: it says so.
#include <fovea/core/error.h>

#include "../command.h"

namespace fovea::tools {

Run add_serve(CLI::App& app) {
  app.add_subcommand("serve", "The page; this program was built without it")->allow_extras();
  return []() -> int {
    fail_as(Code::unavailable,
            "serve: this program was built without the server; install libboost-dev (1.74 or newer) and build it anew");
  };
}

}  // namespace fovea::tools
