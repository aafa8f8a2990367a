// The first pass over a step's logits, block maxima and NaN, done by the head's product on what it has just
// written and still has in the cache: greedy rows are then all but decided.
#pragma once

#include "sampling/row-scan.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

struct ggml_tensor;

namespace pagoda {

class HeadScan {
public:
    explicit HeadScan(int32_t n_vocab) : n_vocab(n_vocab) {}

    // Forgets the last step's. At most `n_rows` rows of logits are coming. `is_argmax_enough`: nothing is asked
    // of them but their maximum, its place and NaN; those that are known to be less may be -inf.
    void begin_step(size_t n_rows, bool is_argmax_enough);

    bool is_argmax_enough() const { return argmax_is_enough; }

    // Whether the product is the head and its result the logits: nothing is computed on them after it.
    bool wants(const ggml_tensor * product) const;

    // Logits [first, end) of a row are written; `first` is a multiple of ROW_BLOCK, `end` too or n_vocab.
    // Any thread.
    void scan(const ggml_tensor * product, int64_t row, int64_t first, int64_t end);

    // Returns false when these logits have not been scanned.
    bool take(const float * logits, RowScan & scan) const;

private:
    int32_t                    n_vocab;
    bool                       argmax_is_enough = false; // in this step
    std::vector<float>         maxima; // [rows, blocks]; NaN where a block, or one scanned with it, holds a NaN
    std::atomic<const float *> scanned{ nullptr }; // row 0
};

} // namespace pagoda
