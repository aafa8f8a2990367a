// Quantised activations of a step, kept from one matrix product to the next: the products of a layer that
// read the same rows (q, k and v; gate and up) quantise them once. Few rows are quantised by each thread for
// itself, which takes less time than a barrier; many by all threads together.
//
// One store a thread pool, which products find it by: ggml hands them nothing else of ours. Threads may be at different products, up to GGML_RUN_MAX_NODES apart: what a thread
// changes is its own, or the counters of the product's place among those.
#pragma once

#include "head/head.h"
#include "matmul/gemm.h"
#include "matmul/packed-weights.h"
#include "matmul/screen.h"

#include <atomic>
#include <cstdint>
#include <vector>

struct ggml_tensor;
struct ggml_threadpool;

namespace pagoda {

class ActivationStore {
public:
    // Found by the products that `pool` computes, until it is destroyed. `head` outlives it, and is told of the logits
    // that they write.
    ActivationStore(ggml_threadpool * pool, int n_threads, int64_t max_rows, int64_t max_blocks, Head & head);
    ~ActivationStore();

    ActivationStore(const ActivationStore &)             = delete;
    ActivationStore & operator=(const ActivationStore &) = delete;

    // Null for a pool without one.
    static ActivationStore * of(const ggml_threadpool * pool);

    // Tensors hold other values from now on. No product may be in progress.
    void begin_step();

    // Rows of one product. Whoever asks for them writes them, if they are not `held`.
    struct Rows {
        int8_t *           codes;  // [n_rows * row_blocks * 32]
        ActivationScales * scales; // [n_rows * row_blocks]
        bool               is_held;
        bool               is_own; // of the calling thread
    };

    // The head, where a product is its own; else null.
    Head * head_of(const ggml_tensor * product) const { return head.is_result(product) ? &head : nullptr; }

    bool fits(int64_t n_rows, int64_t row_blocks) const { return n_rows * row_blocks <= (int64_t) shared.scales.size(); }

    // A thread's own, of a product that is screened.
    Screen & screen(int thread) { return threads[thread].screen; }

    // That of the highest estimate of `n_threads` threads' screens.
    int64_t best_panel(int n_threads) const;

    // From now on the thread holds these rows. To be called by every thread that computes the product.
    Rows rows_of(const ggml_tensor * activations, int64_t n_rows, int64_t row_blocks, int thread);

    // The next of `n_pieces` pieces of the product at `place` in a run, -1 when all are taken. Each thread has
    // a run of pieces of its own, so that it reads weights as one stream, and then takes over from others: one
    // that loses its core delays a single piece.
    int64_t take_piece(int place, int thread, int n_threads, int64_t n_pieces);

    // Each thread calls it once, when it finds no more pieces.
    void finish(int place, int n_threads);

private:
    struct Quantized {
        std::vector<int8_t>           codes;
        std::vector<ActivationScales> scales;

        explicit Quantized(int64_t n_blocks) : codes(n_blocks * BLOCK_COLS), scales(n_blocks) {}
    };

    struct alignas(64) Thread {
        Quantized           own;
        const ggml_tensor * held = nullptr;
        Screen              screen;

        Thread();
    };

    struct alignas(64) Counter {
        std::atomic<int64_t> n{ 0 };
    };

    Counter & n_taken(int place, int thread) { return counters[place * (threads.size() + 1) + thread]; }
    Counter & n_finished(int place) { return n_taken(place, (int) threads.size()); }
    void reset(int place);

    ggml_threadpool *    pool;
    Head &               head;
    Quantized            shared;
    std::vector<Thread>  threads;
    std::vector<Counter> counters; // of each place, one a thread and one of those that have finished
};

} // namespace pagoda
