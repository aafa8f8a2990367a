// Checks that Pagoda can serve an architecture. Others would load as if they were text models and fail in every step.

#pragma once

#include <string>

namespace pagoda {

// Leaves names that llama.cpp does not know to llama.cpp's loader. Throws Error "model_unsupported".
void check_architecture(const std::string & architecture);

} // namespace pagoda
