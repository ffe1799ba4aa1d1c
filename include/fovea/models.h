// All of layer models: one short file an architecture. models/create.h makes them by name.
#pragma once

#include <fovea/models/any_net.h>
#include <fovea/models/create.h>
#include <fovea/models/efficientnet.h>
#include <fovea/models/efficientnet_lite.h>
#include <fovea/models/fpn.h>
#include <fovea/models/mbconv.h>
#include <fovea/models/mobilenet_v2.h>
#include <fovea/models/mobilenet_v3.h>
#include <fovea/models/options.h>
#include <fovea/models/resnet.h>
#include <fovea/models/resnet_cifar.h>
