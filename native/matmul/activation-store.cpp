// Threads take pieces through counters, one for each thread's run of pieces.

#include "matmul/activation-store.h"

#include "ggml-cpu-impl.h"

#include <algorithm>
#include <utility>

namespace pagoda {

namespace {

// 4,096 values. All threads together would quantize them in about 0.2 us, but a barrier takes longer.
constexpr int64_t OWN_BLOCKS = 128;

} // namespace

ActivationStore::Thread::Thread() : own(OWN_BLOCKS) {}

ActivationStore::ActivationStore(ggml_threadpool * pool, int n_threads, int64_t max_rows, int64_t max_blocks, Head & head)
    : pool(pool), head(head), shared(max_rows * padded_row_blocks(max_blocks)), threads(n_threads),
      counters(GGML_RUN_MAX_NODES * (n_threads + 1)) {}

ActivationStore::~ActivationStore() {
    if (of(pool) == this) {
        ggml_threadpool_set_data(pool, nullptr);
    }
}

ActivationStore * ActivationStore::of(const ggml_threadpool * pool) { return static_cast<ActivationStore *>(ggml_threadpool_data(pool)); }

// The counters are already 0, unless the previous step failed.
void ActivationStore::begin_step() {
    ggml_threadpool_set_data(pool, this);
    for (Thread & thread : threads) {
        thread.held = nullptr;
    }
    for (int place = 0; place < GGML_RUN_MAX_NODES; ++place) {
        reset(place);
    }
}

void ActivationStore::reset(int place) {
    for (int thread = 0; thread < (int) threads.size(); ++thread) {
        n_taken(place, thread).n.store(0, std::memory_order_relaxed);
    }
    n_finished(place).n.store(0, std::memory_order_relaxed);
}

ActivationStore::Rows ActivationStore::rows_of(const ggml_tensor * activations, int64_t n_rows, int64_t row_blocks, int thread) {
    Thread & own = threads[thread];
    const bool  is_own = n_rows * row_blocks <= OWN_BLOCKS;
    Quantized & rows   = is_own ? own.own : shared;
    const bool  is_held = std::exchange(own.held, activations) == activations;
    return { rows.codes.data(), rows.scales.data(), is_held, is_own };
}

int64_t ActivationStore::best_panel(int n_threads) const {
    return std::max_element(threads.begin(), threads.begin() + n_threads, [](const Thread & a, const Thread & b) {
        return a.screen.best_estimate < b.screen.best_estimate;
    })->screen.best_panel;
}

int64_t ActivationStore::take_piece(int place, int thread, int n_threads, int64_t n_pieces) {
    for (int i = 0; i < n_threads; ++i) {
        const int owner = (thread + i) % n_threads;
        const int64_t begin = n_pieces * owner / n_threads, end = n_pieces * (owner + 1) / n_threads;
        const int64_t piece = begin + n_taken(place, owner).n.fetch_add(1, std::memory_order_relaxed);
        if (piece < end) {
            return piece;
        }
    }
    return -1;
}

void ActivationStore::finish(int place, int n_threads) {
    if (n_finished(place).n.fetch_add(1, std::memory_order_acq_rel) + 1 == n_threads) {
        reset(place);
    }
}

} // namespace pagoda
