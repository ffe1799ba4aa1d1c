// Half of a program whose other half (use.cpp) may be built with other options: then it must not link, since the two
// would share functions that mean different things. What makes it fail is the inline namespace of core/config.h, which
// is part of the name of every function that takes a fovea type. scripts/check_odr tries all pairs of options.
#include <fovea/core/tensor.h>

int elements(const fovea::Tensor<float>& tensor) { return static_cast<int>(tensor.numel()); }
