// Quantized activations of a step, kept from one matrix product to the next, so that products of a layer that read
// the same rows (q, k and v; gate and up) quantize them only once. If there are few rows, each thread quantizes
// them for itself, which takes less time than a barrier; otherwise, all threads share the work.
//
// There is one store per forward pass. Products find the running step's store through the thread pool, which passes
// can share, since ggml passes them no other Pagoda data. Threads can be at different products, up to GGML_RUN_MAX_NODES apart, so a thread changes only its own data
// and the counters of its product's place in that range.
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
    // `pool` and `head` must outlive the store. `head` is notified of the logits that products write.
    ActivationStore(ggml_threadpool * pool, int n_threads, int64_t max_rows, int64_t max_blocks, Head & head);
    ~ActivationStore();

    ActivationStore(const ActivationStore &)             = delete;
    ActivationStore & operator=(const ActivationStore &) = delete;

    // Returns the store whose step began last, or null if it has been destroyed.
    static ActivationStore * of(const ggml_threadpool * pool);

    // Forgets all rows, since the tensors are about to change, and makes products that the pool computes from now on find
    // this store. No product may be in progress.
    void begin_step();

    // Quantized rows of one product. If is_held is false, the caller must write them.
    struct Rows {
        int8_t *           codes;  // [n_rows * row_blocks * 32]
        ActivationScales * scales; // [n_rows * row_blocks]
        bool               is_held;
        bool               is_own; // the rows belong to the calling thread
    };

    // Returns the head if the product computes its result, otherwise null.
    Head * head_of(const ggml_tensor * product) const { return head.is_result(product) ? &head : nullptr; }

    bool fits(int64_t n_rows, int64_t row_blocks) const { return n_rows * row_blocks <= (int64_t) shared.scales.size(); }

    // A thread's screen, for a product that is screened.
    Screen & screen(int thread) { return threads[thread].screen; }

    // Returns the panel with the highest estimate in the screens of `n_threads` threads.
    int64_t best_panel(int n_threads) const;

    // Marks these rows as held by the thread. Every thread that computes the product must call it.
    Rows rows_of(const ggml_tensor * activations, int64_t n_rows, int64_t row_blocks, int thread);

    // Returns the next of `n_pieces` pieces of the product at `place`, or -1 if all are taken. Each thread first
    // works through its own run of pieces, so it reads weights as one stream, and then takes pieces from others, so
    // a thread that loses its core delays only one piece.
    int64_t take_piece(int place, int thread, int n_threads, int64_t n_pieces);

    // Each thread must call this once, after it has found no more pieces.
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
    std::vector<Counter> counters; // for each place: one per thread and one for the number of finished threads
};

} // namespace pagoda
