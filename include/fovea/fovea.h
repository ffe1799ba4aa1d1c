// All of fovea that needs nothing but the standard library: core, ops, nn, models, io, train. What has optional parts
// comes by name: fovea/image.h.
#pragma once

#include <fovea/core/any_tensor.h>
#include <fovea/core/checkpoint.h>
#include <fovea/core/cpu.h>
#include <fovea/core/error.h>
#include <fovea/core/json.h>
#include <fovea/core/parallel_for.h>
#include <fovea/core/random.h>
#include <fovea/core/record.h>
#include <fovea/core/registry.h>
#include <fovea/core/suggest.h>
#include <fovea/core/tape.h>
#include <fovea/core/tensor.h>
#include <fovea/core/training.h>
#include <fovea/io/load.h>
#include <fovea/io/pth.h>
#include <fovea/io/safetensors.h>
#include <fovea/io/weights.h>
#include <fovea/models.h>
#include <fovea/nn.h>
#include <fovea/ops.h>
#include <fovea/train.h>
