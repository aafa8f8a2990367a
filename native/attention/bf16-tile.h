// Code shared by the kernels for few rows and for many rows: the register-blocked product of bf16 pairs with f32
// sums, and 2^t. Every sum is one chain in the order of the pairs, for any tile size, so both kernels compute the
// same bits for a row.
#pragma once

#include <cstdint>
#include <cstring>

#include <immintrin.h>

namespace pagoda::avx512bf16 {
namespace {

constexpr int LANES = 16;

// n rows of one operand; a pair is 32 bits, and strides are in bytes.
struct PairRows {
    const void * at;
    int64_t      row_stride;
    int64_t      pair_stride;
    int          n;
};

// Vectors of the other operand: at[pair * stride + r].
struct PairVectors {
    const __m512i * at;
    int64_t         stride;
};

// Vectors of the result: at[row * stride + r].
struct SumVectors {
    __m512 * at;
    int64_t  stride;
};

// out[i][r] = out[i][r] * scale[r] + sum over pairs of a[i][pair] * b[pair][r]; without `scale` the first term is
// 0. A tile is N x R and takes N R registers for sums, R for b and 1 for a. At 8 x 3, this is 28 of 32 registers,
// with 24 products for 11 loads; at 4 x 5, it is 26, with 20 products for 9 loads. Calls `each` before each pair.
template <int N, int R, class Each>
inline void multiply_rows(const PairRows & a, int i0, PairVectors b, int n_pairs, const __m512 * scale, SumVectors out, Each && each) {
    const char * at = (const char *) a.at + i0 * a.row_stride;
    __m512 *     to = out.at + i0 * out.stride;
    __m512 sum[N][R];
    for (int i = 0; i < N; ++i) {
        for (int r = 0; r < R; ++r) {
            sum[i][r] = scale ? _mm512_mul_ps(to[i * out.stride + r], scale[r]) : _mm512_setzero_ps();
        }
    }
    for (int p = 0; p < n_pairs; ++p, at += a.pair_stride) {
        each();
        __m512bh bv[R];
        for (int r = 0; r < R; ++r) {
            bv[r] = (__m512bh) b.at[p * b.stride + r];
        }
        for (int i = 0; i < N; ++i) {
            int32_t pair;
            std::memcpy(&pair, at + i * a.row_stride, sizeof(pair));
            const __m512bh av = (__m512bh) _mm512_set1_epi32(pair);
            for (int r = 0; r < R; ++r) {
                sum[i][r] = _mm512_dpbf16_ps(sum[i][r], bv[r], av);
            }
        }
    }
    for (int i = 0; i < N; ++i) {
        for (int r = 0; r < R; ++r) {
            to[i * out.stride + r] = sum[i][r];
        }
    }
}

// Multiplies all rows of a; their number must be a multiple of N.
template <int N, int R>
inline void multiply(const PairRows & a, PairVectors b, int n_pairs, const __m512 * scale, SumVectors out) {
    for (int i = 0; i < a.n; i += N) {
        multiply_rows<N, R>(a, i, b, n_pairs, scale, out, [] {});
    }
}

// 2^t, computed with a polynomial of degree 4 for the fraction and scalef for the integer part. The polynomial is
// exactly 1 at 0 and has a relative error of 3e-6 (rounding a weight to bf16 adds 2e-3). -inf yields 0; NaN stays
// NaN.
inline __m512 exp2(__m512 t) {
    const __m512 x = _mm512_reduce_ps(t, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    __m512 p = _mm512_set1_ps(0.0134266831f);
    p = _mm512_fmadd_ps(p, x, _mm512_set1_ps(0.0522424759f));
    p = _mm512_fmadd_ps(p, x, _mm512_set1_ps(0.241280204f));
    p = _mm512_fmadd_ps(p, x, _mm512_set1_ps(0.693044845f));
    p = _mm512_fmadd_ps(p, x, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, t);
}

// e^(x - max)
inline __m512 weight_of(__m512 x, __m512 max) {
    return exp2(_mm512_mul_ps(_mm512_sub_ps(x, max), _mm512_set1_ps(1.44269504f)));
}

} // namespace
} // namespace pagoda::avx512bf16
