// The order that a queue of the runtime keeps between two threads, said in C++ too: what comes before
// give() is there after take(). It costs a load and a store, and without it ThreadSanitizer, which does not
// see into Bun, takes each hand-off for a race and real ones drown.
#pragma once

#include <atomic>

namespace pagoda {

class Handoff {
public:
    void give() { given.store(true, std::memory_order_release); }

    void take() const { (void) given.load(std::memory_order_acquire); }

private:
    std::atomic<bool> given{ false };
};

} // namespace pagoda
