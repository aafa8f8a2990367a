// Checks that Pagoda can serve an architecture. Without the check, other architectures would load like text models
// and fail in every step.

#pragma once

#include <string>

namespace pagoda {

// Throws Error "model_unsupported" for an architecture that cannot be served or that llama.cpp does not know.
void check_architecture(const std::string & architecture);

} // namespace pagoda
