#include "answer_json.h"

#include <algorithm>
#include <utility>

namespace fovea::tools {

Document model_json(const Classifier& classifier, const std::string& weights) {
  return {{"name", classifier.net().name()},
          {"weights", weights},
          {"sha256", classifier.sha256()},
          {"classes", classifier.class_count()}};
}

Document image_json(const std::string& path, const Answer& answer, int top) {
  Document image;
  image["path"] = path;
  image["width"] = answer.width;
  image["height"] = answer.height;
  image["top"] = Document::array();
  for (std::size_t i = 0; i < std::min(answer.top.size(), static_cast<std::size_t>(top)); ++i) {
    const Prediction& p = answer.top[i];
    image["top"].push_back({{"name", p.name}, {"class", p.index}, {"probability", p.probability}});
  }
  image["speed_ms"] = {
      {"decode", answer.decode_ms}, {"preprocess", answer.preprocess_ms}, {"inference", answer.inference_ms}};
  return image;
}

Document answers_json(Document model, Document images) {
  Document d;
  d["schema"] = "fovea.classify/1";
  d["model"] = std::move(model);
  d["images"] = std::move(images);
  return d;
}

}  // namespace fovea::tools
