// The compiled form of the headers: every kernel table, instantiated once. Built as fovea::compiled with FOVEA_COMPILED,
// under which the op headers only declare these tables.
#include <fovea/cpu/conv2d/table.h>

namespace fovea::inline FOVEA_ABI {

template struct Conv2dArgs<float>;
template struct Conv2dArgs<double>;
template struct Conv2dArgs<bf16>;
template struct Conv2dArgs<half>;
template struct Conv2dArgs<std::int32_t>;

}  // namespace fovea::inline FOVEA_ABI
