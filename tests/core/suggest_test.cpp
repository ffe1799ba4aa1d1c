#include <fovea/core/suggest.h>
#include <support/catch.h>

namespace fovea {
namespace {

TEST_CASE("edit distance counts insertions, deletions, replacements and swaps of neighbours") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("abc", "abc") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("resnet5O", "resnet50") == 1);
  CHECK(edit_distance("padding", "paddnig") == 1);  // a swap is one edit
  CHECK(edit_distance("ca", "abc") == 3);           // no substring is edited twice
}

TEST_CASE("the nearest name is suggested, none if all are far, and never for absurd lengths") {
  const std::vector<std::string> names = {"resnet18", "resnet34", "resnet50", "mobilenet_v2"};
  CHECK(nearest_name("resnet5O", names) == "resnet50");
  CHECK(nearest_name("mobilnet_v2", names) == "mobilenet_v2");
  CHECK(nearest_name("resnet19", names) == "resnet18");  // the first of equals
  CHECK(nearest_name("vgg", names).empty());
  CHECK(nearest_name("", names).empty());
  CHECK(nearest_name(std::string(100000, 'r'), names).empty());
  CHECK(suggest("resnet35", names) == ", did you mean 'resnet34'?");
  CHECK(suggest("vgg", names) == "; known are resnet18, resnet34, resnet50, mobilenet_v2");
  CHECK(suggest("vgg", std::vector<std::string>{}) == "; none is known");
}

}  // namespace
}  // namespace fovea
