// One libFuzzer program for every reader of bytes from outside.
//   fovea_fuzz --list                       the targets
//   fovea_fuzz --target=NAME [libFuzzer options] CORPUS...    (or FOVEA_FUZZ_TARGET=NAME in the environment)
// An Error is an answer; a crash, a sanitizer's report, a hang or a broken promise is a finding.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

#include "fuzz_json.h"
#include "fuzz_pth.h"
#include "fuzz_safetensors.h"
#include "image_targets.h"

namespace {
using namespace fovea::fuzz;

struct Target {
  const char* name;
  void (*run)(std::span<const std::byte>);
};

constexpr Target kTargets[] = {
    {"json", fuzz_json},       {"safetensors", fuzz_safetensors},
    {"pth", fuzz_pth},         {"pickle", fuzz_pickle},
    {"inflate", fuzz_inflate}, {"jpeg", fuzz_jpeg},
    {"png", fuzz_png},         {"bmp", fuzz_bmp},
    {"pnm", fuzz_pnm},         {"exif", fuzz_exif},
    {"decode", fuzz_decode},
};

const Target* target = nullptr;

void choose(const std::string& name) {
  for (const Target& t : kTargets)
    if (name == t.name) target = &t;
  if (target) return;
  std::fprintf(stderr, "fovea_fuzz: no target '%s'; --list names them\n", name.c_str());
  std::exit(2);
}
}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  constexpr const char kOption[] = "--target=";
  for (int i = 1; i < *argc; ++i) {
    const char* const argument = (*argv)[i];
    if (std::strcmp(argument, "--list") == 0) {
      for (const Target& t : kTargets) std::printf("%s\n", t.name);
      std::exit(0);
    }
    if (std::strncmp(argument, kOption, sizeof kOption - 1) == 0) choose(argument + sizeof kOption - 1);
  }
  const char* const environment = std::getenv("FOVEA_FUZZ_TARGET");
  if (!target) choose(environment ? environment : "");
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target->run(std::as_bytes(std::span(data, size)));
  return 0;
}
