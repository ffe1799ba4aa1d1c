// All ops: functions of tensors, each with its contract. Layer ops.
#pragma once

#include <fovea/ops/activation.h>
#include <fovea/ops/arithmetic.h>
#include <fovea/ops/broadcast.h>
#include <fovea/ops/cast.h>
#include <fovea/ops/concat.h>
#include <fovea/ops/conv2d.h>
#include <fovea/ops/conv_transpose2d.h>
#include <fovea/ops/cross_entropy.h>
#include <fovea/ops/dropout.h>
#include <fovea/ops/elementwise.h>
#include <fovea/ops/group_norm.h>
#include <fovea/ops/index.h>
#include <fovea/ops/interpolate.h>
#include <fovea/ops/layer_norm.h>
#include <fovea/ops/linear.h>
#include <fovea/ops/loss.h>
#include <fovea/ops/matmul.h>
#include <fovea/ops/norm.h>
#include <fovea/ops/pad.h>
#include <fovea/ops/pool.h>
#include <fovea/ops/reduce.h>
#include <fovea/ops/shuffle.h>
#include <fovea/ops/slice.h>
#include <fovea/ops/softmax.h>
#include <fovea/ops/sort.h>
