// The head: the last product in a model's graph, which computes the logits. Identifies its weight and its result,
// and stores which part of the logits a step needs, and the maxima of their blocks. The maxima are recorded while
// the logits are written and still in the cache, which leaves little work for greedy rows. One object per forward
// pass.
#pragma once

#include "sampling/row-kernel.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

struct ggml_tensor;

namespace pagoda {

enum class HeadNeed {
    logits,
    argmax, // only the largest logit, its position and whether there is a NaN; logits known to be smaller can be -inf
};

// Returns the tokens that a row may have: bit i % 32 of word i / 32 for token i; null = all. Can wait for the mask, and
// any thread can call it.
using AllowedTokens = std::function<const uint32_t *()>;

class Head {
public:
    // Number of logits per maximum.
    static constexpr int BLOCK = ROW_BLOCK;

    // True if a matrix in a model file can be the head. A tied head is the embedding table.
    static bool is_weight(const ggml_tensor * matrix);

    explicit Head(int32_t n_vocab) : n_vocab(n_vocab) {}

    // Forgets the last step's maxima. The step has at most `n_rows` rows of logits. If `allowed` is set, there is one row,
    // and it needs only the largest logit of an allowed token.
    void begin_step(HeadNeed need, size_t n_rows, AllowedTokens allowed = nullptr);

    HeadNeed need() const { return step_need; }

    const uint32_t * allowed_tokens() const { return step_allowed ? step_allowed() : nullptr; }

    // True if a product computes this step's final logits, which no other op changes.
    bool is_result(const ggml_tensor * product) const;

    // Records that logits [first, end) of a row of the result have been written. `first` is a multiple of BLOCK; `end`
    // is a multiple of BLOCK or n_vocab. Any thread can call it.
    void note(const ggml_tensor * result, int64_t row, int64_t first, int64_t end);

    // Returns the maxima, [blocks of the vocabulary]. If logits recorded together contain a NaN, the maximum of
    // their first block is NaN. Null if these logits have not been recorded.
    const float * maxima_of(const float * logits) const;

private:
    int32_t                    n_vocab;
    HeadNeed                   step_need = HeadNeed::logits;
    AllowedTokens              step_allowed;
    std::vector<float>         maxima; // [rows, blocks]
    std::atomic<const float *> noted{ nullptr }; // logits of row 0
};

} // namespace pagoda
