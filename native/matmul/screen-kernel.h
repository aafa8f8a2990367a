// The loop of matmul/screen.h over the vector types of gemm-kernel.h. Registers: an estimate, a slack, a block's sums.
#pragma once

#include "matmul/gemm-kernel.h"
#include "matmul/screen.h"

namespace pagoda {
namespace {

// Number of panels ahead whose plane and scales are prefetched.
constexpr int64_t FETCHED_AHEAD = 2;

template <class Simd>
bool raise(typename Simd::V estimates, float & best) {
    float all[Simd::LANES];
    Simd::store_first(all, estimates, Simd::LANES);
    const float before = best;
    for (const float one : all) {
        best = one > best ? one : best;
    }
    return best > before;
}

template <class Simd>
bool bound_panel(const uint8_t * panel, const uint8_t * plane, const int8_t * codes, const ScreenBlock * blocks, int64_t n_blocks,
                 float * bounds, float & best) {
    bool is_raised = false;
    for (int row = 0; row < PANEL_ROWS; row += Simd::LANES) {
        auto estimate = Simd::zero();
        auto slack    = Simd::zero();
        for (int64_t b = 0; b < n_blocks; ++b) {
            if (row == 0) { // inline, since GCC 12 would drop a call to a separate function as dead code
                for (int64_t line = 0; line < HighBits::CODE_BYTES; line += 64) {
                    __builtin_prefetch(plane + (FETCHED_AHEAD * n_blocks + b) * HighBits::CODE_BYTES + line);
                }
                __builtin_prefetch(panel + FETCHED_AHEAD * FormatQ8_0::panel_bytes(n_blocks) + FormatQ8_0::scale_offset(b));
            }
            TileSums<Simd, HighBits, 1> sums;
            add_block<Simd, HighBits, 1>(plane + b * HighBits::CODE_BYTES + row * 4, codes + b * BLOCK_COLS, 0, sums);
            const auto high = total<Simd, HighBits, 1>(sums, 0, 0);
            const auto s    = Simd::load_f16((const uint16_t *) (panel + FormatQ8_0::scale_offset(b)) + row);
            estimate = Simd::fma(s, Simd::fma(high, Simd::set1(blocks[b].scale), Simd::set1(blocks[b].offset)), estimate);
            slack    = Simd::fma(Simd::magnitude(s), Simd::set1(blocks[b].slack), slack);
        }
        Simd::store_first(bounds + row, Simd::fma(estimate, Simd::set1(1.0f), slack), Simd::LANES);
        is_raised |= Simd::any(Simd::not_less(estimate, Simd::set1(best))) && raise<Simd>(estimate, best);
    }
    return is_raised;
}

} // namespace
} // namespace pagoda
