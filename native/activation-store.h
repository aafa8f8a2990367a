// Quantised activations of a step, kept from one matrix product to the next: the products of a layer that
// read the same rows (q, k and v; gate and up) quantise them once and need no barrier of their own.
//
// One store a thread pool. All threads of the pool see the same state during a product, since it changes
// only in begin_step() and by the last thread to finish a product, before the barrier that ends it.
#pragma once

#include "gemm.h"

#include <atomic>
#include <cstdint>
#include <vector>

struct ggml_tensor;
struct ggml_threadpool;

namespace pagoda {

class ActivationStore {
public:
    // Found by the products that `pool` computes, until it is destroyed.
    ActivationStore(ggml_threadpool * pool, int n_threads, int64_t max_rows, int64_t max_blocks);
    ~ActivationStore();

    ActivationStore(const ActivationStore &)             = delete;
    ActivationStore & operator=(const ActivationStore &) = delete;

    // Null for a pool without one.
    static ActivationStore * of(const ggml_threadpool * pool);

    // Tensors hold other values from now on. No product may be in progress.
    void begin_step();

    bool fits(int64_t n_rows, int64_t row_blocks) const { return n_rows * row_blocks <= (int64_t) scales.size(); }
    bool holds(const ggml_tensor * activations) const { return held == activations; }

    int8_t *           code_data() { return codes.data(); }
    ActivationScales * scale_data() { return scales.data(); }

    // The next of `n_pieces` pieces of the product, -1 when all are taken. Each thread has a run of its own, so
    // that it reads weights as one stream, and then takes over from others: one that loses its core delays
    // a single piece.
    int64_t take_piece(int thread, int n_threads, int64_t n_pieces);

    // Each thread calls it once, when it finds no more work.
    void finish(const ggml_tensor * activations, int n_threads);

private:
    struct alignas(64) Run {
        std::atomic<int64_t> n_taken{ 0 };
    };

    void reset();

    ggml_threadpool *             pool;
    std::vector<int8_t>           codes;  // [max_rows * row_blocks * 32]
    std::vector<ActivationScales> scales; // [max_rows * row_blocks]
    const ggml_tensor *           held = nullptr;
    std::vector<Run>              runs; // one a thread
    std::atomic<int>              n_finished{ 0 };
};

} // namespace pagoda
