// Needs the decoders of fovea::image: reads a photo (argv[1]) and checks its size.
#include <cstdio>

#include <fovea/image.h>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto photo = fovea::load_image(argv[1]);
  std::printf("%lld x %lld\n", static_cast<long long>(photo.pixels.shape()[1]),
              static_cast<long long>(photo.pixels.shape()[0]));
  return photo.pixels.shape() == fovea::Shape{400, 600, 3} ? 0 : 1;
}
