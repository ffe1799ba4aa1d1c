// Photos: decoding, resizing, preprocessing, writing. Included by name, since it needs decoders: link fovea::image.
// image/classifier.h, photos in and answers out, is included by its own name: it brings all networks with it.
#pragma once

#include <fovea/image/decode.h>
#include <fovea/image/draw.h>
#include <fovea/image/encode.h>
#include <fovea/image/preprocess.h>
#include <fovea/image/resize.h>
