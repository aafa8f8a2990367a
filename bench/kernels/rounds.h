// Runs and times rounds of work shared by threads, like the nodes of a ggml graph.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace pagoda_bench {

class Crew {
public:
    explicit Crew(int n_threads) : n_threads(n_threads) {}

    const int n_threads;

    // Waits until all threads have arrived. Spins, then yields the CPU, because there can be fewer CPUs than threads.
    void wait() {
        const unsigned now = phase.load(std::memory_order_acquire);
        if (n_here.fetch_add(1, std::memory_order_acq_rel) + 1 == n_threads) {
            n_here.store(0, std::memory_order_relaxed);
            phase.store(now + 1, std::memory_order_release);
            return;
        }
        for (int i = 0; phase.load(std::memory_order_acquire) == now; ++i) {
            if (i > 20000) {
                std::this_thread::yield();
            }
        }
    }

private:
    std::atomic<int>      n_here{ 0 };
    std::atomic<unsigned> phase{ 0 };
};

// Minimum number of rounds for a meaningful quartile.
constexpr size_t MIN_ROUNDS = 9;

// Returns seconds per round: the first quartile of the rounds that fit into `budget_s`, since other processes only add time. `work(thread,
// round)` does one thread's share and can wait for the other threads. The first round is not counted.
template <class Work> double seconds_a_round(Crew & crew, double budget_s, const Work & work) {
    using Clock = std::chrono::steady_clock;
    std::vector<double> times;
    bool is_over = false;
    // Thread 0 records a round's start time before it waits, so no other thread has begun the round yet.
    const auto member = [&](int thread) {
        auto start = Clock::now();
        for (int64_t round = 0; !is_over; ++round) {
            work(thread, round);
            crew.wait();
            if (thread == 0) {
                times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
                double spent = 0;
                for (const double t : times) {
                    spent += t;
                }
                is_over = spent > budget_s && times.size() > MIN_ROUNDS;
            }
            start = Clock::now();
            crew.wait();
        }
    };
    std::vector<std::thread> threads;
    for (int t = 1; t < crew.n_threads; ++t) {
        threads.emplace_back(member, t);
    }
    member(0);
    for (std::thread & t : threads) {
        t.join();
    }
    times.erase(times.begin());
    std::nth_element(times.begin(), times.begin() + times.size() / 4, times.end());
    return times[times.size() / 4];
}

// Memory allocated like the addon's weights, in large pages if the system provides them.
class Arena {
public:
    explicit Arena(size_t size) : size(size), data((uint8_t *) std::aligned_alloc(ALIGNMENT, size)) {
#ifdef MADV_HUGEPAGE
        madvise(data, size, MADV_HUGEPAGE);
#endif
    }
    ~Arena() { std::free(data); }

    Arena(const Arena &)             = delete;
    Arena & operator=(const Arena &) = delete;

    const size_t    size; // a multiple of ALIGNMENT
    uint8_t * const data;

private:
    static constexpr size_t ALIGNMENT = 2u << 20;
};

// Far larger than any cache, like the probe's buffer.
constexpr size_t ARENA_BYTES = 256u << 20;

// Each function prints one JSON object per line. `budget_s` is the duration of each measurement.
void bench_products(Crew & crew, double budget_s);
void bench_attention(Crew & crew, double budget_s);
void bench_rows(Crew & crew, double budget_s);

} // namespace pagoda_bench
