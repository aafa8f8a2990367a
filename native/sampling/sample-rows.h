// Samples a step's rows on the model's own threads: one ggml op, whose threads take rows from a counter, so a
// thread that loses its core delays only one row. Results do not depend on which thread samples a row. Used by one
// thread at a time; the threads are ggml's and sleep when ggml's do.
#pragma once

#include "sampling/sampler.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

struct ggml_context;
struct ggml_cgraph;
struct ggml_tensor;
struct ggml_threadpool;

namespace pagoda {

class SampleRows {
public:
    // `threadpool` must outlive this object and have `n_threads` threads.
    SampleRows(int32_t n_vocab, int32_t n_threads, ggml_threadpool * threadpool);

    SampleRows(const SampleRows &)             = delete;
    SampleRows & operator=(const SampleRows &) = delete;

    // `results` is parallel to `rows`. Rows that share a state are sampled in order. A run of rows ends early after a row
    // whose token differs from the expected one.
    void run(const std::vector<SampleRow> & rows, std::vector<SampleResult> & results);

private:
    static void op(ggml_tensor * dst, int ith, int nth, void * self);

    void make_groups();
    bool is_worth_threads() const;
    void take_groups(SampleScratch & scratch);
    void sample_group(int32_t first, int32_t end, SampleScratch & scratch);

    const std::vector<SampleRow> * rows    = nullptr;
    std::vector<SampleResult> *    results = nullptr;
    std::vector<int32_t>           order;       // [rows] indices of rows; rows of a group are adjacent
    std::vector<int32_t>           group_starts; // [groups + 1] indices into `order`
    std::atomic<int32_t>           next_group{ 0 };
    std::vector<SampleScratch>     scratches; // [n_threads]

    ggml_threadpool *                                       threadpool;
    std::unique_ptr<ggml_context, void (*)(ggml_context *)> ctx;
    ggml_cgraph *                                           graph; // allocated in ctx
};

} // namespace pagoda
