// All of layer nn: modules as plain structs, summary, freezing. Read nn/module.h first.
#pragma once

#include <fovea/nn/batch_norm2d.h>
#include <fovea/nn/conv2d.h>
#include <fovea/nn/conv_bn_act.h>
#include <fovea/nn/conv_transpose2d.h>
#include <fovea/nn/dropout.h>
#include <fovea/nn/freeze.h>
#include <fovea/nn/group_norm.h>
#include <fovea/nn/init.h>
#include <fovea/nn/layer_norm.h>
#include <fovea/nn/linear.h>
#include <fovea/nn/module.h>
#include <fovea/nn/padding_rule.h>
#include <fovea/nn/squeeze_excitation.h>
#include <fovea/nn/summary.h>
#include <fovea/nn/taps.h>
