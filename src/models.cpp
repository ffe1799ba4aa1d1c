// The compiled form of models::create: every architecture, instantiated once. Part of fovea::compiled, see
// compiled.cpp.
#include <fovea/models/create_inl.h>

template const std::vector<fovea::models::Architecture>& fovea::models::architectures<>();
