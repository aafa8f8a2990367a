// AddressSanitizer queries a thread's signal stack when an exception is thrown and requires that it start at a
// multiple of 8. Bun's stacks can start anywhere, so this rounds the result down.

#include <csignal>
#include <cstdint>
#include <sys/syscall.h>
#include <unistd.h>

extern "C" int sigaltstack(const stack_t * given, stack_t * current) noexcept {
    const int status = (int) syscall(SYS_sigaltstack, given, current);
    if (status == 0 && current) {
        const size_t excess = (uintptr_t) current->ss_sp % 8;
        current->ss_sp = (char *) current->ss_sp - excess;
        current->ss_size += excess;
    }
    return status;
}
