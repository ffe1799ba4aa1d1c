// A program may use stb_image itself in the file that includes fovea/image.h, with formats that fovea leaves out.
#include <fovea/image.h>

#if FOVEA_HAVE_STB
#  pragma GCC diagnostic push
#  pragma GCC diagnostic ignored "-Wunused-function"
#  pragma GCC diagnostic ignored "-Wunused-parameter"
#  pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#  pragma GCC diagnostic ignored "-Wsign-compare"
#  pragma GCC diagnostic ignored "-Wshadow"
#  define STB_IMAGE_IMPLEMENTATION
#  define STB_IMAGE_STATIC
#  include <stb/stb_image.h>
#  pragma GCC diagnostic pop
#endif

#include <support/catch.h>
#include <support/support.h>

TEST_CASE("a program's own stb_image decodes beside ours") {
#if FOVEA_HAVE_STB
  const std::string path = fovea::test::source_file("examples/photos/chelsea.png").string();
  int width = 0, height = 0, channels = 0;
  unsigned char* theirs = stbi_load(path.c_str(), &width, &height, &channels, 3);
  REQUIRE(theirs != nullptr);
  const fovea::Decoded ours = fovea::load_image(path);
  REQUIRE(ours.pixels.shape() == fovea::Shape{height, width, 3});
  CHECK(std::equal(ours.pixels.values().begin(), ours.pixels.values().end(), theirs));
  stbi_image_free(theirs);
#endif
}
