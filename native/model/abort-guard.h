// Turns failed assertions into exceptions. llama.cpp and ggml abort the process when an assertion about a file fails. While a guard exists,
// a failed assertion on its thread throws Error "model_unsupported" instead, so the file reader's stack unwinds and the process survives.
// Guards must be used only while loading, because compute code cannot be unwound safely.
#pragma once

namespace pagoda {

class AbortGuard {
public:
    AbortGuard();
    ~AbortGuard();
    AbortGuard(const AbortGuard &)             = delete;
    AbortGuard & operator=(const AbortGuard &) = delete;
};

// Must be called once per process, before any guard is created.
void install_abort_guard();

} // namespace pagoda
