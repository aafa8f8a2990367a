// The head is known by the name that llama.cpp gives the last tensor of a graph.

#include "head/scan.h"

#include "ggml.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace pagoda {

void HeadScan::begin_step(size_t n_rows, bool is_argmax_enough) {
    argmax_is_enough = is_argmax_enough;
    maxima.resize(n_rows * blocks_of(n_vocab));
    scanned.store(nullptr, std::memory_order_relaxed);
}

bool HeadScan::wants(const ggml_tensor * product) const {
    return product->ne[0] == n_vocab && ggml_is_contiguous(product) && std::strcmp(product->name, "result_output") == 0 &&
           (size_t) (ggml_nrows(product) * blocks_of(n_vocab)) <= maxima.size();
}

void HeadScan::scan(const ggml_tensor * product, int64_t row, int64_t first, int64_t end) {
    const auto * logits = (const float *) product->data;
    float * to = maxima.data() + row * blocks_of(n_vocab) + first / ROW_BLOCK;
    if (scan_blocks({ logits + row * n_vocab + first, (int32_t) (end - first) }, to)) {
        *to = std::numeric_limits<float>::quiet_NaN();
    }
    scanned.store(logits, std::memory_order_relaxed);
}

bool HeadScan::take(const float * logits, RowScan & scan) const {
    const float * base = scanned.load(std::memory_order_relaxed);
    const int32_t n    = blocks_of(n_vocab);
    if (!base || logits < base || logits >= base + maxima.size() / n * n_vocab) {
        return false;
    }
    const float * from = maxima.data() + (logits - base) / n_vocab * n;
    scan.maxima.assign(from, from + n);
    scan.has_nan = std::any_of(from, from + n, [](float x) { return std::isnan(x); });
    scan.max     = *std::max_element(from, from + n);
    return true;
}

} // namespace pagoda
