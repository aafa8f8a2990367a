// Expresses in C++ an ordering between two threads that one of the runtime's queues already guarantees: writes before give() are visible
// after take(). This costs one load and one store. Without it, ThreadSanitizer, which cannot see into Bun, would report each handoff as a
// race, and real races would go unnoticed.
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
