// A thread checks all current deadlines every 10 ms and sleeps while there are none.

#include "grammar/deadline.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <pthread.h>
#include <thread>
#include <vector>

namespace pagoda {

namespace {

constexpr std::chrono::milliseconds CHECK_INTERVAL(10);

clockid_t thread_clock() {
#if defined(__linux__)
    clockid_t clock;
    if (pthread_getcpuclockid(pthread_self(), &clock) == 0) {
        return clock;
    }
#endif
    return CLOCK_MONOTONIC;
}

std::chrono::nanoseconds time_of(clockid_t clock) {
    timespec time = {};
    clock_gettime(clock, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

class Watchdog {
public:
    Watchdog() { std::thread([this] { run(); }).detach(); }

    void add(const Deadline * deadline) {
        std::lock_guard<std::mutex> lock(mutex);
        deadlines.push_back(deadline);
        if (deadlines.size() == 1) {
            not_empty.notify_one();
        }
    }

    void remove(const Deadline * deadline) {
        std::lock_guard<std::mutex> lock(mutex);
        deadlines.erase(std::find(deadlines.begin(), deadlines.end(), deadline));
    }

private:
    void run() {
        std::unique_lock<std::mutex> lock(mutex);
        for (;;) {
            not_empty.wait(lock, [this] { return !deadlines.empty(); });
            lock.unlock();
            std::this_thread::sleep_for(CHECK_INTERVAL);
            lock.lock();
            for (const Deadline * deadline : deadlines) {
                deadline->cancel_if_late();
            }
        }
    }

    std::mutex                    mutex;
    std::condition_variable       not_empty;
    std::vector<const Deadline *> deadlines;
};

// Never destroyed, because its thread runs until the process exits.
Watchdog & watchdog() {
    static Watchdog * const shared = new Watchdog();
    return *shared;
}

} // namespace

Deadline::Deadline(const LlgCancellationHandle * h, std::chrono::nanoseconds l)
    : handle(h), clock(thread_clock()), start(time_of(clock)), limit(l) {
    watchdog().add(this);
}

Deadline::~Deadline() { watchdog().remove(this); }

std::chrono::nanoseconds Deadline::elapsed() const { return time_of(clock) - start; }

void Deadline::cancel_if_late() const {
    if (elapsed() > limit) {
        llguidance()->cancel(handle);
    }
}

} // namespace pagoda
