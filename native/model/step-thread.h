// The model's own thread, which runs one job at a time. It is joined on destruction, after any job in flight.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace pagoda {

class StepThread {
public:
    StepThread() : thread([this] { loop(); }) {}

    ~StepThread() {
        {
            std::lock_guard<std::mutex> lock(mutex);
            stopping = true;
        }
        changed.notify_all();
        thread.join();
    }

    StepThread(const StepThread &)             = delete;
    StepThread & operator=(const StepThread &) = delete;

    // The caller must make sure that no job is in flight. The job must not throw.
    void submit(std::function<void()> next) {
        {
            std::lock_guard<std::mutex> lock(mutex);
            job = std::move(next);
        }
        changed.notify_all();
    }

private:
    void loop() {
        std::unique_lock<std::mutex> lock(mutex);
        for (;;) {
            changed.wait(lock, [this] { return stopping || job; });
            if (!job) {
                return;
            }
            auto current = std::move(job);
            job = nullptr;
            lock.unlock();
            current();
            lock.lock();
        }
    }

    std::mutex              mutex;
    std::condition_variable changed;
    std::function<void()>   job;
    bool                    stopping = false;
    std::thread             thread; // last, so that it starts after the other members are initialized
};

} // namespace pagoda
