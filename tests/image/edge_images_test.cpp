// Every file of the edge images, the committed ones and those of the data folder. The manifests are walked.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>

#include <image/manifest.h>

using namespace fovea;
using namespace fovea::test;
using nlohmann::json;

namespace {

// Files of the data folder that are not decoded to Pillow's pixels, and why.
const std::map<std::string, std::string> kExceptions = {
    {"pnm/hopper.pfm", "PFM holds floating-point samples without a defined range: refused by name"},
    {"pnm/hopper_be.pfm", "PFM holds floating-point samples without a defined range: refused by name"},
    {"png-pillow/exif_imagemagick_orientation.png",
     "orientation in ImageMagick's raw profile text, not in eXIf: ignored"},
    {"png-pillow/xmp_tags_orientation.png", "orientation in XMP, not in eXIf: ignored"},
    {"png-pillow/xmp_tags_orientation_exiftool.png", "orientation in XMP, not in eXIf: ignored"},
};

constexpr double kJpegTolerance = 2;  // levels of a box mean; see README-data.md

void check_sound(const std::filesystem::path& folder, const json& e) {
  const std::string file = e.at("file");
  INFO(file);
  const Decoded d = load_image(folder / file);
  CHECK(d.pixels.shape() == Shape{e.at("height"), e.at("width"), 3});
  CHECK(d.orientation == e.value("orientation", 1));
  if (e.at("format") == "JPEG")
    CHECK(grid_difference(e, d.pixels) <= kJpegTolerance);
  else
    CHECK(has_stored_hash(e, d.pixels));
}

// An exception must be one: else its line in the table has to go.
void check_exception(const std::filesystem::path& folder, const json& e, const std::string& reason) {
  const std::string file = e.at("file");
  INFO(file << ": " << reason);
  bool exceptional = false;
  try {
    const Decoded d = load_image(folder / file);
    exceptional = !has_stored_hash(e, d.pixels);
  } catch (const Error& error) {
    exceptional = std::string(error.what()).find("PFM") != std::string::npos;
  }
  CHECK(exceptional);
}

// The sound files that are JPEG, or that are not. Returns how many there were.
int check_sound_files(const std::filesystem::path& folder, bool jpeg) {
  int count = 0;
  for (const json& e : manifest_files(folder)) {
    if (!is_sound(e) || (e.at("format") == "JPEG") != jpeg) continue;
    ++count;
    if (const auto x = kExceptions.find(e.at("file")); x != kExceptions.end())
      check_exception(folder, e, x->second);
    else
      check_sound(folder, e);
  }
  return count;
}

// Ends the program if a file takes longer than 20 s.
class Watchdog {
 public:
  Watchdog() {
    signal(SIGALRM, [](int) {
      constexpr char text[] = "edge images: a file took more than 20 s\n";
      [[maybe_unused]] const ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);
      abort();
    });
    alarm(20);
  }
  ~Watchdog() { alarm(0); }
};

// A line of /proc/self/status, in MB.
double status_megabytes(const std::string& field) {
  const std::string status = read_text("/proc/self/status");
  const std::size_t at = status.find(field + ":");
  REQUIRE(at != std::string::npos);
  return std::stod(status.substr(at + field.size() + 1)) / 1024;
}

// Resident memory at its highest since the object was made, above what there was then.
class PeakMemory {
 public:
  PeakMemory() {
    std::ofstream("/proc/self/clear_refs") << 5;  // sets VmHWM to the present size
    before_ = status_megabytes("VmRSS");
  }
  double megabytes() const { return status_megabytes("VmHWM") - before_; }

 private:
  double before_ = 0;
};

struct Slowest {
  double ms = 0;
  std::string file;
};

// Decodes one file: a picture within the limit, or an error that names the file and says something.
void check_survives(const std::filesystem::path& folder, const json& e, Slowest& slowest) {
  const std::string file = e.at("file");
  INFO(file);
  const Watchdog watchdog;
  const auto start = std::chrono::steady_clock::now();
  try {
    const Decoded d = load_image(folder / file);
    CHECK((d.pixels.rank() == 3 && d.pixels.size(2) == 3 && d.pixels.numel() > 0));
    CHECK_FALSE(e.contains("message"));  // the committed malformed files must be refused
  } catch (const Error& error) {
    const std::string text = error.what();
    CHECK(text.find(file) != std::string::npos);
    CHECK(text.size() > (folder / file).string().size() + 10);
    CHECK((error.code() == Code::bad_data || error.code() == Code::unavailable));
    if (e.contains("message") && error.code() == Code::bad_data)
      CHECK(text.find(e.at("message").get<std::string>()) != std::string::npos);
  }
  const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  if (ms > slowest.ms) slowest = {ms, file};
}

int check_all_survive(const std::filesystem::path& folder) {
  const PeakMemory peak;
  Slowest slowest;
  int count = 0;
  for (const json& e : manifest_files(folder)) {
    check_survives(folder, e, slowest);
    ++count;
  }
  const double growth = peak.megabytes();
  std::printf("edge images: %d files, slowest %s in %.0f ms, %.0f MB\n", count, slowest.file.c_str(), slowest.ms,
              growth);
  CHECK(growth < 300);
  return count;
}

const std::filesystem::path kCommitted = "tests/data/edge-images";

}  // namespace

TEST_CASE("the committed lossless pictures decode to the pixels that were put in") {
  CHECK(check_sound_files(source_file(kCommitted.string()), false) == 7);
}

TEST_CASE("the committed JPEGs decode to what was put in, within 2 levels") {
  if (!needs("turbojpeg")) return;
  CHECK(check_sound_files(source_file(kCommitted.string()), true) == 3);
}

TEST_CASE("the committed malformed files are refused, each with its reason") {
  CHECK(check_all_survive(source_file(kCommitted.string())) == 20);
}

TEST_CASE("every sound PNG, BMP and PNM of the edge images has Pillow's pixels") {
  if (!needs("data")) return;
  CHECK(check_sound_files(shared_data("edge-images"), false) > 0);
}

TEST_CASE("every sound JPEG of the edge images is within 2 levels of Pillow") {
  if (!needs("data") || !needs("turbojpeg")) return;
  CHECK(check_sound_files(shared_data("edge-images"), true) > 0);
}

TEST_CASE("every edge image gives a picture or an error, within 20 s and in little memory") {
  if (!needs("data")) return;
  CHECK(check_all_survive(shared_data("edge-images")) > 0);
}
