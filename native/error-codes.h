// Errors that cross the JS boundary, each with a stable code, a human-readable message and llama.cpp's return
// value. src/runner/addon-types.ts lists the codes.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace pagoda {

struct Error : std::runtime_error {
    Error(std::string error_code, const std::string & message, int llama_status = 0)
        : std::runtime_error(message), code(std::move(error_code)), status(llama_status) {}

    std::string code;
    int         status; // 0 = none
};

} // namespace pagoda
