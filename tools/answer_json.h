// One answer as JSON, the way `fovea classify --json` and the server both print it: schema fovea.classify/1.
#pragma once

#include <string>

#include <fovea/image/classifier.h>

#include "document.h"

namespace fovea::tools {

// {"name","weights","sha256","classes"}; `weights` is the file as the reader may know it: its path, or its name alone.
Document model_json(const Classifier& classifier, const std::string& weights);

// {"path","width","height","top":[{"name","class","probability"}],"speed_ms":{"decode","preprocess","inference"}} with
// at most `top` classes.
Document image_json(const std::string& path, const Answer& answer, int top);

// The document of all images, in the order of its members.
Document answers_json(Document model, Document images);

}  // namespace fovea::tools
