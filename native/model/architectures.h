// Which of llama.cpp's architectures can be served. The others load as if they were text models and fail in every step.

#pragma once

#include <string>

namespace pagoda {

// Leaves names that llama.cpp does not know to its loader. Throws Error "model_unsupported".
void check_architecture(const std::string & architecture);

} // namespace pagoda
