// Converts rows of numbers to pairs of bf16, 32 bits each, in the layouts that the product reads, and converts its
// result back to rows.
//
//      along    [row][dim / 2]          two neighbors in a row, as stored in the cache
//      across   [dim / 2][row]          the same, transposed: rows in lanes
//      between  [row / 2][dim]          a column of two neighboring rows
#pragma once

#include "attention/bf16-tile.h"
#include "attention/kernel.h"
#include "simd/avx512.h"

#include <algorithm>

namespace pagoda::avx512bf16 {
namespace {

// Lane i: the indices of its pair's words, i and i + odd, in one vector or in two consecutive vectors.
inline __m512i pair_index(int odd) {
    const __m512i low = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    return _mm512_or_si512(low, _mm512_slli_epi32(_mm512_add_epi32(low, _mm512_set1_epi32(odd)), 16));
}

// Lane i: even[i] in the low half, odd[i] in the high half.
inline __m512i pairs_of(__m512 even, __m512 odd) {
    return _mm512_permutexvar_epi16(pair_index(LANES), (__m512i) _mm512_cvtne2ps_pbh(odd, even));
}

// Transposes a 16 x 16 matrix of 32-bit numbers, first within 128-bit lanes, by unpacking, then across lanes.
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
    for (int c = 0; c < 4; ++c) { // x[4 i + c]: lane l holds column 4 l + c of rows 4 i to 4 i + 3
        const __m512i even_top = _mm512_shuffle_i32x4(x[c], x[4 + c], 0x88), odd_top = _mm512_shuffle_i32x4(x[c], x[4 + c], 0xdd);
        const __m512i even_low = _mm512_shuffle_i32x4(x[8 + c], x[12 + c], 0x88), odd_low = _mm512_shuffle_i32x4(x[8 + c], x[12 + c], 0xdd);
        y[c]      = _mm512_shuffle_i32x4(even_top, even_low, 0x88);
        y[4 + c]  = _mm512_shuffle_i32x4(odd_top, odd_low, 0x88);
        y[8 + c]  = _mm512_shuffle_i32x4(even_top, even_low, 0xdd);
        y[12 + c] = _mm512_shuffle_i32x4(odd_top, odd_low, 0xdd);
    }
    std::copy(y, y + LANES, x);
}

// Loads columns [c, c + 32) of a row as bf16. is_half: loads 16 columns, followed by zeros.
template <KvType T>
inline __m512i load_pairs(const char * row, int c, bool is_half) {
    if constexpr (T == KvType::bf16) {
        const char * at = row + 2 * c;
        return is_half ? _mm512_zextsi256_si512(_mm256_loadu_si256((const __m256i *) at)) : _mm512_loadu_si512(at);
    } else {
        const __m512 high = is_half ? _mm512_setzero_ps() : load_kv<Avx512, T>(row, c + LANES);
        return (__m512i) _mm512_cvtne2ps_pbh(high, load_kv<Avx512, T>(row, c));
    }
}

template <KvType T>
inline void pack_along(const char * row, int dim, uint16_t * out) {
    for (int c = 0; c < dim; c += 2 * LANES) {
        const bool      is_half = dim - c < 2 * LANES;
        const __mmask32 columns = is_half ? 0xffff : 0xffffffff;
        _mm512_mask_storeu_epi16(out + c, columns, load_pairs<T>(row, c, is_half));
    }
}

// Packs 16 rows into one vector per pair, `stride` vectors apart. Calls `each` before each vector is loaded.
template <KvType T, class Each>
inline void pack_across(const char * const * rows, int dim, __m512i * out, int64_t stride, Each && each) {
    for (int c = 0; c < dim; c += 2 * LANES) {
        const bool is_half = dim - c < 2 * LANES;
        __m512i x[LANES];
        for (int i = 0; i < LANES; ++i) {
            each();
            x[i] = load_pairs<T>(rows[i], c, is_half);
        }
        transpose(x);
        for (int i = 0; i < (is_half ? LANES / 2 : LANES); ++i) {
            out[(c / 2 + i) * stride] = x[i];
        }
    }
}

// Interleaves columns [16 half, 16 half + 16) of the 32 columns of two rows.
inline __m512i side_by_side(__m512i even, __m512i odd, int half) {
    const __m512i index = _mm512_add_epi16(pair_index(2 * LANES), _mm512_set1_epi16((short) (half * LANES)));
    return _mm512_permutex2var_epi16(even, index, odd);
}

// If `odd` is null, zeros are used.
template <KvType T>
inline void pack_between(const char * even, const char * odd, int dim, __m512i * out) {
    for (int c = 0; c < dim; c += 2 * LANES) {
        const bool    is_half = dim - c < 2 * LANES;
        const __m512i low     = load_pairs<T>(even, c, is_half);
        const __m512i high    = odd ? load_pairs<T>(odd, c, is_half) : _mm512_setzero_si512();
        _mm512_storeu_si512(out + c / LANES, side_by_side(low, high, 0));
        if (!is_half) {
            _mm512_storeu_si512(out + c / LANES + 1, side_by_side(low, high, 1));
        }
    }
}

// Writes lanes [0, n) of one vector per column, `stride` vectors apart, back to rows.
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

// Start of a call's scratch memory, aligned so that vectors do not cross cache lines.
inline __m512i * aligned_scratch(const KernelCall & call) { return (__m512i *) (((uintptr_t) call.scratch + 63) / 64 * 64); }

} // namespace
} // namespace pagoda::avx512bf16
