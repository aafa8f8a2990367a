// Determines from the high bits of a head's codes which logits of a row cannot be its largest. Only the remaining
// logits are computed, by the same kernel that would compute all of them. Used in steps that need only the position
// of the largest logit.
//
// An 8-bit code is 8 H + L. The H of all rows are read first, from a separate plane (packed-weights.h). With 3.5 in
// place of each L, a logit is off by at most 3.5 sum_b |s_b| a_b |x_b|, where s_b is the scale of a block of the
// weights' row, a_b is that of the activations, and |x_b| is the sum of the absolute values of its codes. Adding
// this error to the estimate yields the logit's upper bound. The largest exact logit of the panel with the highest
// estimate is the threshold, and panels with a bound that is not below it are computed. For SmolLM2-135M, these are
// 2.5% of the panels (median 0.2%), so 20 MB is read instead of 30 MB. With four high bits, they would be 44%,
// since the last norm leaves outliers in |x|.
//
// If only some tokens are allowed, the others count as smaller than any logit, and panels without allowed tokens are
// not even bounded. The threshold is then taken from the panel with the highest bound.
//
// Rounding. Let m = sum_b |s_b| a_b |x_b|, u = 2^-24, G(n) = n u / (1 - n u). A term of the exact kernel is rounded
// at most 2 n_blocks + 1 times, and the terms add up to at most (255 + 128) m. A term of the bound is rounded at most
// n_blocks + 3 times; the terms add up to (8 * 31 + 124.5 + 3.5) m. Both errors together are within
// G(2 n_blocks + 3) 800 m, which the bound includes in addition to the 3.5 m. Scales of activations are 0 or in
// [1e-20, 1e20], so nothing overflows, and no product of scales loses bits. A scale of weights that is not finite makes
// the bound NaN or +inf, which is not below the threshold; the products of such weights are not screened anyway.
#pragma once

#include "matmul/gemm.h"

#include <cstdint>
#include <vector>

namespace pagoda {

// A block's part of an upper bound is s * (scale * sum(H x) + offset) + |s| * slack, where s is the weights' scale.
struct ScreenBlock {
    float scale, offset, slack;
};

// A row of activations, prepared for one thread's screening.
struct Screen {
    std::vector<ScreenBlock> blocks; // [n_blocks]
    float                    best_estimate; // the highest bound, if only some tokens are allowed
    int64_t                  best_panel;

    // Returns false if the activations are too large, too small or not finite, in which case no bounds hold.
    bool prepare(const Activations & x);
};

// Number of panels that are settled at once; their logits are whole blocks for Head::note().
constexpr int64_t SETTLED_PANELS = 32;

// The product of a head in Q8_0 with one row. Threads first bound all panels, then settle all panels.
struct ScreenedHead {
    const uint8_t * panels;
    const uint8_t * plane;
    int64_t         panel_bytes;
    int64_t         n_logits;
    PanelKernel     multiply_panel;
    BoundKernel     bound_panel;
    Activations     x;
    float *         logits; // [n_logits]; bounds until a panel is settled, then exact or -inf
    const uint32_t * allowed; // [(n_logits + 31) / 32], as in head.h; null = all

    void  bound(Screen & screen, int64_t first, int64_t last) const;
    float largest_of_panel(int64_t panel) const;
    void  settle(int64_t first, int64_t last, float threshold) const;

private:
    const uint8_t * panel(int64_t i) const { return panels + i * panel_bytes; }
    const uint8_t * high_bits(int64_t panel) const;
    int rows_of(int64_t panel) const;
    uint32_t allowed_rows(int64_t panel) const; // bit per row
    void bound_allowed(Screen & screen, int64_t panel, float * bounds, uint32_t rows) const;
};

} // namespace pagoda
