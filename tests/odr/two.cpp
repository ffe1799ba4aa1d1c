// The other translation unit: see one.cpp.
#include <all_headers_reversed.h>

int other_unit(const fovea::Tensor<float>& tensor) { return static_cast<int>(tensor.numel()); }
