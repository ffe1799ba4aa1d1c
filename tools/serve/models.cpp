#include "models.h"

#include <algorithm>

#include <fovea/explain/explainer.h>

#include "../weights.h"

namespace fovea::tools {

namespace {
// What the page says of a network; paths of this machine are nobody's business.
Document describe(const ServedModel& model, bool is_default) {
  const Classifier& c = *model.classifier;
  Document names = Document::array();
  for (std::int64_t i = 0; i < c.class_count(); ++i) names.push_back(c.class_name(i));
  return {{"name", model.name},
          {"architecture", c.net().name()},
          {"weights", model.path.filename().string()},
          {"sha256", model.answer.at("sha256")},
          {"size", std::filesystem::file_size(model.path)},
          {"license", c.metadata("fovea.license")},
          {"origin", c.metadata("fovea.origin")},
          {"classes", c.class_count()},
          {"class_names", std::move(names)},
          {"preprocess", Document::parse(c.preprocessing().to_json().dump())},
          {"default", is_default},
          {"explain", kExplainMethods}};
}
}  // namespace

ServedModels::ServedModels(const std::vector<std::string>& weights) {
  for (const std::string& w : weights) {
    ServedModel model{.name = {}, .path = find_weights(w)};
    model.name = model.path.stem().string();
    for (const ServedModel& other : models_)
      if (other.name == model.name)
        fail("serve: ", other.path.string(), " and ", model.path.string(), " would both be called '", model.name,
             "'; ?model=NAME wants names that differ");
    models_.push_back(std::move(model));
  }
}

void ServedModels::load(std::uint64_t max_upload) {
  Document all = Document::array();
  for (ServedModel& m : models_) {
    m.classifier = std::make_unique<const Classifier>(load_classifier(m.path.string(), {}));
    m.answer = model_json(*m.classifier, m.path.filename().string());
    all.push_back(describe(m, &m == &models_.front()));
  }
  description_ = text_of({{"models", std::move(all)}, {"max_upload", max_upload}, {"version", FOVEA_VERSION}}, -1);
  ready_.store(true, std::memory_order_release);
}

const ServedModel* ServedModels::find(std::string_view name) const {
  if (name.empty()) return &models_.front();
  const auto m = std::find_if(models_.begin(), models_.end(), [&](const ServedModel& s) { return s.name == name; });
  return m == models_.end() ? nullptr : &*m;
}

std::vector<std::string> ServedModels::names() const {
  std::vector<std::string> names;
  for (const ServedModel& m : models_) names.push_back(m.name);
  return names;
}

}  // namespace fovea::tools
