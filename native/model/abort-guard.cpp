// The process has a single abort callback, which throws only on threads that hold a guard.

#include "model/abort-guard.h"

#include "error-codes.h"

#include "ggml.h"

#include <cstdio>
#include <string>

namespace pagoda {

namespace {

thread_local int num_guards = 0;

// Drops the path, leaving "llama-model.cpp:12: GGML_ASSERT(...) failed".
std::string without_folder(const std::string & message) {
    const size_t end = message.find(':');
    const size_t cut = message.rfind('/', end);
    return cut == std::string::npos ? message : message.substr(cut + 1);
}

void on_abort(const char * message) {
    if (num_guards > 0) {
        throw Error("model_unsupported", without_folder(message));
    }
    std::fprintf(stderr, "%s\n", message);
}

} // namespace

AbortGuard::AbortGuard() { num_guards++; }

AbortGuard::~AbortGuard() { num_guards--; }

void install_abort_guard() { ggml_set_abort_callback(on_abort); }

} // namespace pagoda
