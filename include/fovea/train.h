// All of layer train: optimizers, learning-rate schedules, clipping, accumulation, averages, progress. Read
// train/optimizer.h and train/schedule.h first.
#pragma once

#include <fovea/train/adagrad.h>
#include <fovea/train/adam.h>
#include <fovea/train/adamax.h>
#include <fovea/train/clip.h>
#include <fovea/train/ema.h>
#include <fovea/train/gradient_sum.h>
#include <fovea/train/interrupt.h>
#include <fovea/train/lamb.h>
#include <fovea/train/lars.h>
#include <fovea/train/lion.h>
#include <fovea/train/muon.h>
#include <fovea/train/nadam.h>
#include <fovea/train/progress.h>
#include <fovea/train/rmsprop.h>
#include <fovea/train/schedule.h>
#include <fovea/train/sgd.h>
