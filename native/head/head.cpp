// Identifies the weight by its name in GGUF files, and the result by llama.cpp's name for the last tensor of a graph.

#include "head/head.h"

#include "sampling/row-scan.h"

#include "ggml.h"

#include <cstring>
#include <limits>
#include <utility>

namespace pagoda {

bool Head::is_weight(const ggml_tensor * matrix) {
    return std::strcmp(matrix->name, "output.weight") == 0 || std::strcmp(matrix->name, "token_embd.weight") == 0;
}

void Head::begin_step(HeadNeed need, size_t n_rows, AllowedTokens allowed) {
    GGML_ASSERT(!allowed || (need == HeadNeed::argmax && n_rows == 1));
    step_need    = need;
    step_allowed = std::move(allowed);
    maxima.resize(n_rows * blocks_of(n_vocab));
    noted.store(nullptr, std::memory_order_relaxed);
}

bool Head::is_result(const ggml_tensor * product) const {
    return product->ne[0] == n_vocab && ggml_is_contiguous(product) && std::strcmp(product->name, "result_output") == 0 &&
           (size_t) (ggml_nrows(product) * blocks_of(n_vocab)) <= maxima.size();
}

void Head::note(const ggml_tensor * result, int64_t row, int64_t first, int64_t end) {
    GGML_ASSERT(first % BLOCK == 0 && (end % BLOCK == 0 || end == n_vocab));
    const auto * logits = (const float *) result->data;
    float * to = maxima.data() + row * blocks_of(n_vocab) + first / BLOCK;
    if (scan_blocks({ logits + row * n_vocab + first, (int32_t) (end - first) }, to)) {
        *to = std::numeric_limits<float>::quiet_NaN();
    }
    noted.store(logits, std::memory_order_relaxed);
}

const float * Head::maxima_of(const float * logits) const {
    const float * base = noted.load(std::memory_order_relaxed);
    const int32_t n    = blocks_of(n_vocab);
    if (!base || logits < base || logits >= base + maxima.size() / n * n_vocab) {
        return nullptr;
    }
    return maxima.data() + (logits - base) / n_vocab * n;
}

} // namespace pagoda
