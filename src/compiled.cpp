// The compiled form of the headers: every kernel table, instantiated once, and the file readers. Built as
// fovea::compiled with FOVEA_COMPILED, under which the other headers only declare them.
#include <fovea/core/json_inl.h>
#include <fovea/cpu/arg_reduce/table.h>
#include <fovea/cpu/binary/table.h>
#include <fovea/cpu/binary_grad/table.h>
#include <fovea/cpu/cast/table.h>
#include <fovea/cpu/channel_sum/table.h>
#include <fovea/cpu/channel_dot/table.h>
#include <fovea/cpu/concat/table.h>
#include <fovea/cpu/conv2d/table.h>
#include <fovea/cpu/conv2d_weight_grad/table.h>
#include <fovea/cpu/cross_entropy/table.h>
#include <fovea/cpu/cumsum/table.h>
#include <fovea/cpu/distillation/table.h>
#include <fovea/cpu/dropout/table.h>
#include <fovea/cpu/element_loss/table.h>
#include <fovea/cpu/gem_pool/table.h>
#include <fovea/cpu/index_select/table.h>
#include <fovea/cpu/interpolate/table.h>
#include <fovea/cpu/l2_normalize/table.h>
#include <fovea/cpu/layer_norm/table.h>
#include <fovea/cpu/matmul/table.h>
#include <fovea/cpu/norm_grad/table.h>
#include <fovea/cpu/pad/table.h>
#include <fovea/cpu/pointwise/table.h>
#include <fovea/cpu/pointwise_grad/table.h>
#include <fovea/cpu/pool/table.h>
#include <fovea/cpu/pool_grad/table.h>
#include <fovea/cpu/prelu/table.h>
#include <fovea/cpu/reduce/table.h>
#include <fovea/cpu/reduce_grad/table.h>
#include <fovea/cpu/resample/table.h>
#include <fovea/cpu/scale_shift/table.h>
#include <fovea/cpu/softmax/table.h>
#include <fovea/cpu/softmax_grad/table.h>
#include <fovea/cpu/sort/table.h>
#include <fovea/cpu/strided_copy/table.h>
#include <fovea/cpu/unary/table.h>
#include <fovea/cpu/where/table.h>
#include <fovea/io/pth_inl.h>
#include <fovea/io/safetensors_inl.h>

namespace fovea::inline FOVEA_ABI {

#define FOVEA_FOR_FLOATING(Args) \
  template struct Args<float>;   \
  template struct Args<double>;  \
  template struct Args<bf16>;    \
  template struct Args<half>;
#define FOVEA_FOR_ALL(Args)           \
  FOVEA_FOR_FLOATING(Args)            \
  template struct Args<std::int8_t>;  \
  template struct Args<std::uint8_t>; \
  template struct Args<std::int16_t>; \
  template struct Args<std::int32_t>; \
  template struct Args<std::int64_t>;

FOVEA_FOR_FLOATING(Conv2dArgs)
template struct Conv2dArgs<std::int32_t>;
template struct Conv2dWeightGradArgs<std::int32_t>;
template struct ChannelSumArgs<std::int32_t>;
FOVEA_FOR_FLOATING(Conv2dWeightGradArgs)
FOVEA_FOR_FLOATING(ChannelSumArgs)
FOVEA_FOR_FLOATING(ChannelDotArgs)
FOVEA_FOR_FLOATING(L2NormalizeArgs)
FOVEA_FOR_FLOATING(L2NormalizeGradArgs)
FOVEA_FOR_FLOATING(LayerNormArgs)
FOVEA_FOR_FLOATING(LayerNormGradArgs)
FOVEA_FOR_FLOATING(LayerNormSumArgs)
FOVEA_FOR_FLOATING(MatmulArgs)
FOVEA_FOR_FLOATING(NormGradArgs)
FOVEA_FOR_FLOATING(ScaleShiftArgs)
FOVEA_FOR_FLOATING(SoftmaxArgs)
FOVEA_FOR_FLOATING(SoftmaxGradArgs)
FOVEA_FOR_FLOATING(GemPoolArgs)
FOVEA_FOR_FLOATING(GemPoolGradArgs)
FOVEA_FOR_FLOATING(PointwiseGradArgs)
FOVEA_FOR_FLOATING(PoolGradArgs)
FOVEA_FOR_FLOATING(PreluArgs)
FOVEA_FOR_FLOATING(PreluGradArgs)
FOVEA_FOR_FLOATING(ResampleArgs)
FOVEA_FOR_ALL(BinaryArgs)
FOVEA_FOR_ALL(ConcatArgs)
FOVEA_FOR_ALL(InterpolateArgs)
FOVEA_FOR_ALL(PadArgs)
FOVEA_FOR_ALL(PointwiseArgs)
FOVEA_FOR_ALL(PoolArgs)
FOVEA_FOR_ALL(StridedCopyArgs)
FOVEA_FOR_FLOATING(CrossEntropyArgs)
FOVEA_FOR_FLOATING(CrossEntropyGradArgs)
FOVEA_FOR_FLOATING(DistillationArgs)
FOVEA_FOR_FLOATING(DistillationGradArgs)
FOVEA_FOR_FLOATING(ElementLossArgs)
FOVEA_FOR_FLOATING(ElementLossGradArgs)
FOVEA_FOR_FLOATING(BinaryGradArgs)
FOVEA_FOR_FLOATING(ReduceArgs)
FOVEA_FOR_FLOATING(ReduceGradArgs)
FOVEA_FOR_FLOATING(UnaryArgs)
FOVEA_FOR_FLOATING(UnaryGradArgs)
FOVEA_FOR_ALL(ArgReduceArgs)
FOVEA_FOR_ALL(WhereArgs)
FOVEA_FOR_ALL(CumsumArgs)
FOVEA_FOR_ALL(IndexAddArgs)
FOVEA_FOR_ALL(IndexSelectArgs)
FOVEA_FOR_ALL(SortArgs)
FOVEA_FOR_FLOATING(DropoutArgs)
template struct CastArgs<float, double>;
template struct CastArgs<float, bf16>;
template struct CastArgs<float, half>;
template struct CastArgs<double, float>;
template struct CastArgs<double, bf16>;
template struct CastArgs<double, half>;
template struct CastArgs<bf16, float>;
template struct CastArgs<bf16, double>;
template struct CastArgs<bf16, half>;
template struct CastArgs<half, float>;
template struct CastArgs<half, double>;
template struct CastArgs<half, bf16>;

#undef FOVEA_FOR_FLOATING
#undef FOVEA_FOR_ALL

}  // namespace fovea::inline FOVEA_ABI
