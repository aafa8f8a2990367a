// States in C++ the ordering that one of the runtime's queues already guarantees between two threads: writes before
// give() are visible after take(). Costs a load and a store. Without it, ThreadSanitizer, which cannot see into Bun,
// reports each handoff as a race, and real races go unnoticed.
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
