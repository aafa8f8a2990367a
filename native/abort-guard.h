// llama.cpp and ggml end the process where a file holds what they assert it does not. While a guard lives, an
// assertion that fails on its thread is thrown instead, as an Error "model_unsupported": what reads a file is
// left by unwinding, and the process lives. For loading alone: code that computes is not made to be left so.
#pragma once

namespace pagoda {

class AbortGuard {
public:
    AbortGuard();
    ~AbortGuard();
    AbortGuard(const AbortGuard &)             = delete;
    AbortGuard & operator=(const AbortGuard &) = delete;
};

// Once in a process, before any guard.
void install_abort_guard();

} // namespace pagoda
