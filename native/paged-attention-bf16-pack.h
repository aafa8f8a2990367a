// Rows of numbers as pairs of bf16, 32 bits each, in the layouts that the product reads, and its result back
// as rows.
//
//      along    [row][dim / 2]          two neighbours of a row, as they lie in the cache
//      across   [dim / 2][row]          the same, transposed: rows in lanes
//      between  [row / 2][dim]          a column of two neighbouring rows
#pragma once

#include "paged-attention-avx512-simd.h"
#include "paged-attention-bf16-tile.h"
#include "paged-attention-kernel.h"

#include <algorithm>

namespace pagoda::avx512bf16 {
namespace {

// Lane i: even[i] in the low half, odd[i] in the high one.
inline __m512i pairs_of(__m512 even, __m512 odd) {
    const __m512i low   = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i index = _mm512_or_si512(low, _mm512_slli_epi32(_mm512_add_epi32(low, _mm512_set1_epi32(16)), 16));
    return _mm512_permutexvar_epi16(index, (__m512i) _mm512_cvtne2ps_pbh(odd, even));
}

// 16 x 16 numbers of 32 bits: within 128-bit lanes by unpacking, then the lanes.
inline void transpose(__m512i (&x)[LANES]) {
    __m512i y[LANES];
    for (int i = 0; i < LANES; i += 2) {
        y[i]     = _mm512_unpacklo_epi32(x[i], x[i + 1]);
        y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
    }
    for (int i = 0; i < LANES; i += 4) {
        for (int h = 0; h < 2; ++h) {
            x[i + 2 * h]     = _mm512_unpacklo_epi64(y[i + h], y[i + h + 2]);
            x[i + 2 * h + 1] = _mm512_unpackhi_epi64(y[i + h], y[i + h + 2]);
        }
    }
    for (int c = 0; c < 4; ++c) { // x[4 i + c]: in lane l column 4 l + c of rows 4 i to 4 i + 3
        const __m512i even_top = _mm512_shuffle_i32x4(x[c], x[4 + c], 0x88), odd_top = _mm512_shuffle_i32x4(x[c], x[4 + c], 0xdd);
        const __m512i even_low = _mm512_shuffle_i32x4(x[8 + c], x[12 + c], 0x88), odd_low = _mm512_shuffle_i32x4(x[8 + c], x[12 + c], 0xdd);
        y[c]      = _mm512_shuffle_i32x4(even_top, even_low, 0x88);
        y[4 + c]  = _mm512_shuffle_i32x4(odd_top, odd_low, 0x88);
        y[8 + c]  = _mm512_shuffle_i32x4(even_top, even_low, 0xdd);
        y[12 + c] = _mm512_shuffle_i32x4(odd_top, odd_low, 0xdd);
    }
    std::copy(y, y + LANES, x);
}

template <KvType T>
inline void pack_along(const char * row, int dim, uint16_t * out) {
    for (int c = 0; c < dim; c += LANES) {
        _mm256_storeu_si256((__m256i *) (out + c), (__m256i) _mm512_cvtneps_pbh(load_kv<Avx512, T>(row, c)));
    }
}

// 16 rows, into one vector a pair, `stride` of them apart.
template <KvType T>
inline void pack_across(const char * const * rows, int dim, __m512i * out, int64_t stride) {
    for (int c = 0; c < dim; c += 2 * LANES) {
        const bool is_half = dim - c < 2 * LANES;
        __m512i x[LANES];
        for (int i = 0; i < LANES; ++i) {
            const __m512 high = is_half ? _mm512_setzero_ps() : load_kv<Avx512, T>(rows[i], c + LANES);
            x[i] = (__m512i) _mm512_cvtne2ps_pbh(high, load_kv<Avx512, T>(rows[i], c));
        }
        transpose(x);
        for (int i = 0; i < (is_half ? LANES / 2 : LANES); ++i) {
            out[(c / 2 + i) * stride] = x[i];
        }
    }
}

// `odd` null = zeros.
template <KvType T>
inline void pack_between(const char * even, const char * odd, int dim, void * out) {
    for (int c = 0; c < dim; c += LANES) {
        const __m512 high = odd ? load_kv<Avx512, T>(odd, c) : _mm512_setzero_ps();
        _mm512_storeu_si512((uint32_t *) out + c, pairs_of(load_kv<Avx512, T>(even, c), high));
    }
}

// Lanes [0, n) of one vector a column, `stride` of them apart, back to rows.
inline void unpack_across(const __m512 * in, int64_t stride, int n, int dim, float * rows) {
    for (int c = 0; c < dim; c += LANES) {
        __m512i x[LANES];
        for (int i = 0; i < LANES; ++i) {
            x[i] = _mm512_castps_si512(in[(c + i) * stride]);
        }
        transpose(x);
        for (int i = 0; i < n; ++i) {
            _mm512_storeu_si512(rows + (int64_t) i * dim + c, x[i]);
        }
    }
}

// Start of a task's scratch memory that vectors can be read from without crossing cache lines.
inline __m512i * aligned_scratch(const AttentionTask & t) { return (__m512i *) (((uintptr_t) t.scratch + 63) / 64 * 64); }

} // namespace
} // namespace pagoda::avx512bf16
