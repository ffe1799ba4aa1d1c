// Explanations: where in a photo the evidence for a class lies, by Grad-CAM, integrated gradients or occlusion.
// Included by name, since it needs the classifier and its decoders: link fovea::image.
#pragma once

#include <fovea/explain/explainer.h>
#include <fovea/explain/picture.h>
