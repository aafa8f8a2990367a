// Grammars for llguidance are compiled on a separate thread with a deep stack.

#include "grammar/deep-stack.h"

#include "error-codes.h"

#include <exception>
#include <pthread.h>

namespace pagoda {

namespace {

// Allows about 10 KB for each rule of a chain; the longest accepted text has 50,000 rules.
constexpr size_t STACK_BYTES = (size_t) 1 << 30;

struct Call {
    const std::function<void()> & work;
    std::exception_ptr            error;
};

void * run(void * argument) {
    Call & call = *static_cast<Call *>(argument);
    try {
        call.work();
    } catch (...) {
        call.error = std::current_exception();
    }
    return nullptr;
}

} // namespace

void run_on_deep_stack(const std::function<void()> & work) {
    Call           call = { work, nullptr };
    pthread_t      thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    const bool is_running = pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0 &&
                            pthread_create(&thread, &attributes, run, &call) == 0;
    pthread_attr_destroy(&attributes);
    if (!is_running) {
        throw Error("grammar_unavailable", "no memory for a thread that compiles grammars");
    }
    pthread_join(thread, nullptr);
    if (call.error) {
        std::rethrow_exception(call.error);
    }
}

} // namespace pagoda
