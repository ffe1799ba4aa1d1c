// Says what is on a photo, with the network that ships.
//
//   g++ -std=c++20 -O2 -DFOVEA_TURBOJPEG -I include examples/classify.cpp -o classify -pthread -lturbojpeg
//   ./classify models/efficientnet-lite0.safetensors examples/photos/chelsea.png
//
// -DFOVEA_TURBOJPEG and -lturbojpeg are for JPEG; PNG, BMP and PNM need nothing but <stb/stb_image.h>.
#include <cstdio>

#include <fovea/image/classifier.h>

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: classify WEIGHTS.safetensors PHOTO...\n");
    return 2;
  }
  try {
    // The weight file says which network it is for, how photos are prepared and what the classes are called.
    const auto classifier = fovea::Classifier::load(argv[1]);
    for (int i = 2; i < argc; ++i) {
      const fovea::Answer answer = classifier.classify_file(argv[i], 3);
      std::printf("%s, %.0f ms\n", argv[i], answer.decode_ms + answer.preprocess_ms + answer.inference_ms);
      for (const fovea::Prediction& p : answer.top) std::printf("  %5.1f %%  %s\n", 100 * p.probability, p.name.c_str());
    }
  } catch (const fovea::Error& e) {  // a file that is not there, is no image, is cut short ...: what() says which and where
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
