// One of two translation units that include every header of the library, in opposite orders; scripts/check_odr links
// them with -flto and -Wodr. A function that is not inline, or a type that depends on the order, shows itself there.
#include <all_headers.h>

int other_unit(const fovea::Tensor<float>& tensor);

int main() {
  fovea::Tensor<float> tensor({2, 3});
  return other_unit(tensor) == 6 ? 0 : 1;
}
