// Which logits of a row cannot be its largest, proven from the high bits of a head's codes; the others are computed,
// by the kernel that computes all of them else. For steps that need the place of the largest logit alone.
//
// A code of 8 bits is 8 H + L. The H of all rows are read first, from a plane of their own (packed-weights.h). With
// 3.5 for each L a logit is off by at most 3.5 sum_b |s_b| a_b |x_b|: s_b is the scale of a block of the weights'
// row, a_b that of the activations, |x_b| the sum of its codes' absolute values. That is the logit's upper bound.
// The exact logits of the panel with the highest estimate give a threshold, and panels with a bound that is not below it are
// computed. Of SmolLM2-135M 2.5 % (median 0.2 %): 20 MB are read instead of 30. With four bits it is 44 %, since the
// last norm leaves outliers in |x|.
//
// Rounding. Let m = sum_b |s_b| a_b |x_b|, u = 2^-24, G(n) = n u / (1 - n u). A term of the exact kernel is rounded
// at most 2 n_blocks + 1 times, and its terms add up to (255 + 128) m at most. A term of the bound is rounded at most
// n_blocks + 3 times; they add up to (8 * 31 + 124.5 + 3.5) m. Both errors are together within G(2 n_blocks + 3) 800 m,
// which the bound has beside the 3.5 m. Scales of activations are 0 or from 1e-20 to 1e20: nothing overflows, and no
// product of scales loses bits. A scale of weights that is not finite makes the bound NaN or +inf, which is
// not below the threshold.
#pragma once

#include "matmul/gemm.h"

#include <cstdint>
#include <vector>

namespace pagoda {

// A block's part of an upper bound is s * (scale * sum(H x) + offset) + |s| * slack, s the weights' scale.
struct ScreenBlock {
    float scale, offset, slack;
};

// A row of activations as one thread screens with it.
struct Screen {
    std::vector<ScreenBlock> blocks; // [n_blocks]
    float                    best_estimate;
    int64_t                  best_panel;

    // False where the activations are too large, too small or not finite for bounds.
    bool prepare(const Activations & x);
};

// Panels that are settled at once: whole blocks of what head/head.h notes.
constexpr int64_t SETTLED_PANELS = 32;

// The product of a head in Q8_0 and one row. Threads bound all panels, then settle all panels.
struct ScreenedHead {
    const uint8_t * panels;
    const uint8_t * plane;
    int64_t         panel_bytes;
    int64_t         n_logits;
    PanelKernel     multiply_panel;
    BoundKernel     bound_panel;
    Activations     x;
    float *         logits; // [n_logits]; bounds until a panel is settled, then exact or -inf

    void  bound(Screen & screen, int64_t first, int64_t last) const;
    float largest_of_panel(int64_t panel) const;
    void  settle(int64_t first, int64_t last, float threshold) const;

private:
    const uint8_t * panel(int64_t i) const { return panels + i * panel_bytes; }
    int rows_of(int64_t panel) const;
};

} // namespace pagoda
