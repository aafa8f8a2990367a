// Deadlines for llguidance's work. Its own limits count items and states, but the time for each is unbounded: an
// ambiguous grammar can take seconds per token within those limits.
#pragma once

#include "grammar/llguidance.h"

#include <chrono>
#include <ctime>

namespace pagoda {

// Permanently cancels a matcher if the calling thread does not destroy the deadline in time. Time is the thread's CPU
// time on Linux, so that a busy machine cancels nothing, and elapsed time on other systems. Work can exceed its limit
// by about 10 ms.
class Deadline {
public:
    // The handle must outlive the deadline.
    Deadline(const LlgCancellationHandle * handle, std::chrono::nanoseconds limit);
    ~Deadline();
    Deadline(const Deadline &)             = delete;
    Deadline & operator=(const Deadline &) = delete;

    std::chrono::nanoseconds elapsed() const;
    void                     cancel_if_late() const;

private:
    const LlgCancellationHandle * handle;
    clockid_t                     clock;
    std::chrono::nanoseconds      start;
    std::chrono::nanoseconds      limit;
};

} // namespace pagoda
