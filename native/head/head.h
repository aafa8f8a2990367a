// The head: the last product of a model's graph, whose result is the logits. Knows its weight and its result, what a
// step needs of the logits, and their block maxima, noted while they are written and still in the cache: greedy rows
// are then all but decided. One object for each forward pass.
#pragma once

#include "sampling/row-kernel.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

struct ggml_tensor;

namespace pagoda {

enum class HeadNeed {
    logits,
    argmax, // only the largest logit, its place and whether there is a NaN: those known to be less may be -inf
};

class Head {
public:
    // Logits that are noted together.
    static constexpr int BLOCK = ROW_BLOCK;

    // Whether a matrix of a model's file may be its head. A tied one is the table of embeddings.
    static bool is_weight(const ggml_tensor * matrix);

    explicit Head(int32_t n_vocab) : n_vocab(n_vocab) {}

    // Forgets the last step's. At most `n_rows` rows of logits are coming.
    void begin_step(HeadNeed need, size_t n_rows);

    HeadNeed need() const { return step_need; }

    // Whether a product computes this step's logits: nothing is computed on them after it.
    bool is_result(const ggml_tensor * product) const;

    // Logits [first, end) of a row of the result are written; `first` is a multiple of BLOCK, `end` too or n_vocab.
    // Any thread.
    void note(const ggml_tensor * result, int64_t row, int64_t first, int64_t end);

    // [blocks of the vocabulary] NaN where a block, or one noted with it, holds a NaN. Null when these logits have
    // not been noted.
    const float * maxima_of(const float * logits) const;

private:
    int32_t                    n_vocab;
    HeadNeed                   step_need = HeadNeed::logits;
    std::vector<float>         maxima; // [rows, blocks]
    std::atomic<const float *> noted{ nullptr }; // row 0
};

} // namespace pagoda
