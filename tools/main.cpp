// The program `fovea`: parses the command line, runs one command, and turns errors into a line on stderr and an exit
// code.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <fovea/core/cpu.h>
#include <fovea/core/parallel_for.h>
#include <fovea/core/suggest.h>

#include "command.h"

namespace {
using namespace fovea;
using namespace fovea::tools;

constexpr const char* kDescription =
    "fovea: image recognition. A photo in, an answer out.\n\n"
    "  fovea classify cat.jpg                     what is on a photo\n"
    "  fovea classify photos/ --json              a folder, for a program\n"
    "  fovea explain cat.jpg                      where on it the evidence is\n"
    "  fovea serve                                a page for photos, and an HTTP API\n"
    "  fovea info models/efficientnet-lite0.safetensors\n"
    "  fovea convert net.pth net.safetensors --model resnet50 --half";

constexpr const char* kFooter =
    "Environment: FOVEA_MODELS (folders with weight files), FOVEA_THREADS, FOVEA_CPU (scalar, avx2, ...),\n"
    "FOVEA_LOG=kernels. Exit codes: 0 good, 1 run-time error, 2 usage, 3 a gate failed, 4 bad data.";

std::string cpu_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name"))
      if (const auto colon = line.find(": "); colon != line.npos) return line.substr(colon + 2);
  return "unknown CPU";
}

std::string version() {
  std::string sets;
  for (int i = 0; i < kIsas; ++i)
    if (cpu_has(static_cast<Isa>(i))) sets += " " + std::string(name_of(static_cast<Isa>(i)));
  std::string jpeg = "stb_image";
#if defined(FOVEA_TURBOJPEG)
  jpeg = "libjpeg-turbo";
#endif
  return to_text("fovea ", FOVEA_VERSION, " (", FOVEA_BUILD_TYPE, ", ",
#if defined(__clang__)
                "clang ", __clang_major__, ".", __clang_minor__,
#else
                "gcc ", __GNUC__, ".", __GNUC_MINOR__,
#endif
                ", JPEG by ", jpeg, ")\n", "CPU ", cpu_name(), "\nkernels", sets, "; capped at ", name_of(isa_cap()),
                "; ", thread_count(), thread_count() == 1 ? " thread" : " threads");
}

int usage_error(const std::string& message, const std::string& command) {
  std::fprintf(stderr, "fovea: %s\nTry: fovea%s --help\n", message.c_str(),
               command.empty() ? "" : (" " + command).c_str());
  return kUsage;
}

std::vector<std::string> names_of_commands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* c : app.get_subcommands({})) names.push_back(c->get_name());
  return names;
}

// A word that CLI11 could not place: name the nearest option.
int unexpected(const CLI::App& app, const std::vector<std::string>& extras) {
  const auto parsed = app.get_subcommands();
  const std::string command = parsed.empty() ? "" : parsed.front()->get_name();
  const std::string word = extras.empty() ? "" : extras.front();
  if (!word.starts_with("-")) return usage_error("unexpected argument '" + word + "'", command);
  std::vector<std::string> options;
  for (const CLI::Option* o : (parsed.empty() ? &app : parsed.front())->get_options({}))
    for (const std::string& name : o->get_lnames()) options.push_back("--" + name);
  const std::string name = word.substr(0, word.find('='));
  const std::string nearest = nearest_name(name, options);
  return usage_error("unknown option " + name + (nearest.empty() ? "" : ", did you mean " + nearest + "?"), command);
}

int exit_code(Code code) {
  switch (code) {
    case Code::bad_data:
      return kBadData;
    case Code::invalid_argument:
      return kUsage;
    default:
      return kRunTimeError;
  }
}

int run(int argc, char** argv) {
  CLI::App app(kDescription, "fovea");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.set_help_all_flag("");
  app.set_version_flag("--version", version, "Print build, CPU and features");
  const std::vector<Run> commands = {add_classify(app), add_convert(app), add_explain(app), add_info(app),
                                     add_serve(app)};
  const std::vector<std::string> names = names_of_commands(app);
  for (CLI::App* c : app.get_subcommands({})) c->get_formatter()->column_width(32);
  app.get_formatter()->column_width(32);

  if (argc > 1 && argv[1][0] != '-' && std::find(names.begin(), names.end(), argv[1]) == names.end())
    return usage_error(to_text("unknown command '", argv[1], "'", suggest(argv[1], names)), "");
  if (argc == 1) return std::puts(app.help().c_str()) < 0 ? kRunTimeError : kUsage;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ExtrasError&) {
    return unexpected(app, app.remaining(true));
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
    const auto parsed = app.get_subcommands();
    if (parsed.empty() && !app.remaining().empty()) return unexpected(app, app.remaining());
    return usage_error(e.what(), parsed.empty() ? "" : parsed.front()->get_name());
  }
  for (std::size_t i = 0; i < commands.size(); ++i)
    if (app.got_subcommand(names[i])) return commands[i]();
  return kUsage;
}
}  // namespace

int main(int argc, char** argv) {
  try {
    const int code = run(argc, argv);
    // A full disk must not look like success.
    if (std::fflush(stdout) != 0 || std::ferror(stdout)) fail_as(Code::io, "the answer could not be written to stdout");
    return code;
  } catch (const fovea::Error& e) {
    std::fprintf(stderr, "fovea: %s\n", e.what());
    return exit_code(e.code());
  } catch (const std::filesystem::filesystem_error& e) {
    std::fprintf(stderr, "fovea: %s\n", e.what());
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "fovea: out of memory\n");
  } catch (const std::exception& e) {
    std::fprintf(stderr, "fovea: %s\n", e.what());
  }
  return fovea::tools::kRunTimeError;
}
