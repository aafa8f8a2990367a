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
    ActivationStore(ggml_threadpool * pool, int64_t max_rows, int64_t max_blocks);
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

    // The next piece of work of the product, from 0 on.
    int64_t take_piece() { return next_piece.fetch_add(1, std::memory_order_relaxed); }

    // Each thread calls it once, when it finds no more work.
    void finish(const ggml_tensor * activations, int n_threads);

private:
    ggml_threadpool *             pool;
    std::vector<int8_t>           codes;  // [max_rows * row_blocks * 32]
    std::vector<ActivationScales> scales; // [max_rows * row_blocks]
    const ggml_tensor *           held = nullptr;
    std::atomic<int64_t>          next_piece{ 0 };
    std::atomic<int>              n_finished{ 0 };
};

} // namespace pagoda
