// Short work on the JS thread that waits until the model is not in use by a step, a sleep or a wake-up.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace pagoda {

class IdleQueue {
public:
    // Runs `work` now, or once the model is idle.
    void run(std::function<void()> work) {
        if (is_busy) {
            waiting.push_back(std::move(work));
        } else {
            work();
        }
    }

    void set_busy() { is_busy = true; }

    void set_idle() {
        is_busy = false;
        for (const auto & work : std::exchange(waiting, {})) {
            work();
        }
    }

private:
    bool                               is_busy = false;
    std::vector<std::function<void()>> waiting;
};

} // namespace pagoda
