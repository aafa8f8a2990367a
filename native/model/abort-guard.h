// llama.cpp and ggml end the process when an assertion about a file fails. While a guard lives, an assertion
// that fails on its thread is thrown as an Error "model_unsupported" instead: the stack that reads the file
// unwinds, and the process lives. Use it only while loading: code that computes cannot be unwound safely.
#pragma once

namespace pagoda {

class AbortGuard {
public:
    AbortGuard();
    ~AbortGuard();
    AbortGuard(const AbortGuard &)             = delete;
    AbortGuard & operator=(const AbortGuard &) = delete;
};

// Call it once per process, before any guard.
void install_abort_guard();

} // namespace pagoda
