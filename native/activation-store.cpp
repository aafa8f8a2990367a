// Stores are found by their pool: ggml hands a product nothing else of ours.

#include "activation-store.h"

#include "packed-weights.h"

#include <algorithm>
#include <mutex>

namespace pagoda {

namespace {

std::mutex                     stores_mutex;
std::vector<ActivationStore *> stores;

} // namespace

ActivationStore::ActivationStore(ggml_threadpool * pool, int n_threads, int64_t max_rows, int64_t max_blocks)
    : pool(pool), codes(max_rows * padded_row_blocks(max_blocks) * BLOCK_COLS), scales(max_rows * padded_row_blocks(max_blocks)),
      runs(n_threads) {
    std::lock_guard<std::mutex> lock(stores_mutex);
    stores.push_back(this);
}

ActivationStore::~ActivationStore() {
    std::lock_guard<std::mutex> lock(stores_mutex);
    stores.erase(std::find(stores.begin(), stores.end(), this));
}

ActivationStore * ActivationStore::of(const ggml_threadpool * pool) {
    std::lock_guard<std::mutex> lock(stores_mutex);
    const auto found = std::find_if(stores.begin(), stores.end(), [&](ActivationStore * s) { return s->pool == pool; });
    return found == stores.end() ? nullptr : *found;
}

// The counters are at 0 already, unless the step before has failed.
void ActivationStore::begin_step() {
    held = nullptr;
    reset();
}

void ActivationStore::reset() {
    for (Run & run : runs) {
        run.n_taken.store(0, std::memory_order_relaxed);
    }
    n_finished.store(0, std::memory_order_relaxed);
}

int64_t ActivationStore::take_piece(int thread, int n_threads, int64_t n_pieces) {
    for (int i = 0; i < n_threads; ++i) {
        const int owner = (thread + i) % n_threads;
        const int64_t begin = n_pieces * owner / n_threads, end = n_pieces * (owner + 1) / n_threads;
        const int64_t piece = begin + runs[owner].n_taken.fetch_add(1, std::memory_order_relaxed);
        if (piece < end) {
            return piece;
        }
    }
    return -1;
}

void ActivationStore::finish(const ggml_tensor * activations, int n_threads) {
    if (n_finished.fetch_add(1, std::memory_order_acq_rel) == n_threads - 1) {
        reset();
        held = activations;
    }
}

} // namespace pagoda
