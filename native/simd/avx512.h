// Vectors of 16 floats for the kernels' templates. Only for files that are compiled with AVX512 F, BW, VL and DQ.
// Each file has its own copy of the functions, so that none is called on a CPU without these instructions.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include <immintrin.h>

namespace pagoda {
namespace {

struct Avx512 {
    using V = __m512;
    using I = __m512i;
    using M = __mmask16;
    static constexpr int LANES = 16;

    static V     zero() { return _mm512_setzero_ps(); }
    static V     set1(float x) { return _mm512_set1_ps(x); }
    static V     load(const float * p) { return _mm512_loadu_ps(p); }
    static V     load_f16(const uint16_t * p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) p)); }
    static V     load_bf16(const uint16_t * p) {
        return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *) p)), 16));
    }
    static V     load_i8(const int8_t * p) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *) p))); }
    static float f16(const uint16_t * p) { return _cvtsh_ss(*p); }
    static void  store(float * p, V a) { _mm512_storeu_ps(p, a); }
    static void  store_first(float * p, V a, int n) { _mm512_mask_storeu_ps(p, (__mmask16) ((1u << n) - 1), a); }

    static V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
    static V add(V a, V b) { return _mm512_add_ps(a, b); }
    static V sub(V a, V b) { return _mm512_sub_ps(a, b); }
    static V mul(V a, V b) { return _mm512_mul_ps(a, b); }
    static V div(V a, V b) { return _mm512_div_ps(a, b); }
    static V max(V a, V b) { return _mm512_max_ps(a, b); } // b if either is NaN
    static V min(V a, V b) { return _mm512_min_ps(a, b); }
    static V negated(V a) { return _mm512_xor_ps(a, _mm512_set1_ps(-0.0f)); }
    static V magnitude(V a) { return _mm512_abs_ps(a); }
    static V add_to_exponent(V a, V k) {
        return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), _mm512_slli_epi32(_mm512_castps_si512(k), 23)));
    }

    // 2^(x log2 e), with the integer part by scaling and the fraction by a degree-6 polynomial; relative error
    // below 3e-7. NaN stays NaN, since max returns the second of two unordered operands.
    static V exp(V x) {
        x = _mm512_max_ps(_mm512_set1_ps(-110.0f), x);
        const V n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 0);
        V r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
        r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
        V p = _mm512_set1_ps(1.0f / 720);
        p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 120));
        p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 24));
        p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 6));
        p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
        p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
        p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
        return _mm512_scalef_ps(p, n);
    }

    static M    none() { return 0; }
    static M    either(M a, M b) { return a | b; }
    static bool any(M a) { return a != 0; }
    static int  count(M a) { return __builtin_popcount(a); }
    static M    unordered(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q); }
    static M    greater(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
    static M    at_least(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }
    static M    at_most(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
    static M    equal(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
    static M    not_less(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_NLT_UQ); } // true for a NaN
    static V    where(M m, V a) { return _mm512_maskz_mov_ps(m, a); }
    static V    select(M m, V a, V b) { return _mm512_mask_mov_ps(b, m, a); }

    // Compresses in a register, since a compressing store to memory is microcoded on AMD.
    static void store_kept(float * p, M m, V a) { store(p, _mm512_maskz_compress_ps(m, a)); }
    static void store_kept_indices(int32_t * p, M m, int32_t first) {
        const I offsets = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        _mm512_storeu_si512(p, _mm512_maskz_compress_epi32(m, _mm512_add_epi32(offsets, _mm512_set1_epi32(first))));
    }

    static float highest(V a) { return _mm512_reduce_max_ps(a); }
    static float lowest(V a) { return _mm512_reduce_min_ps(a); }
    static float sum(V a) { return _mm512_reduce_add_ps(a); }

    // Sum of 16 lanes, in the same order in all sets.
    static float sum16(const V * lanes) {
        const __m256 s8 = _mm256_add_ps(_mm512_castps512_ps256(lanes[0]), _mm512_extractf32x8_ps(lanes[0], 1));
        __m128 s = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
        s = _mm_add_ps(s, _mm_movehl_ps(s, s));
        return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
    }

    // Sums of four vectors at once: first within 128-bit lanes, by unpacking pairs, then across the four lanes.
    static void store_sums(float * out, const V * s) {
        const V a = _mm512_add_ps(_mm512_unpacklo_ps(s[0], s[1]), _mm512_unpackhi_ps(s[0], s[1]));
        const V b = _mm512_add_ps(_mm512_unpacklo_ps(s[2], s[3]), _mm512_unpackhi_ps(s[2], s[3]));
        const V c = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b))),
                                  _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b))));
        const __m256 d = _mm256_add_ps(_mm512_castps512_ps256(c), _mm512_extractf32x8_ps(c, 1));
        _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(d), _mm256_extractf128_ps(d, 1)));
    }

    static I load_bytes(const uint8_t * p) { return _mm512_loadu_si512(p); }
    static I or_bytes(I a, I b) { return _mm512_or_si512(a, b); }

    // The same four bytes in every lane.
    static I repeated(const int8_t * x) {
        int32_t four;
        std::memcpy(&four, x, sizeof(four));
        return _mm512_set1_epi32(four);
    }

    // Shifts bits left (right if SHIFT < 0), then masks each byte with MASK.
    template <int SHIFT, int MASK>
    static I masked(I a) {
        if constexpr (SHIFT > 0) {
            a = _mm512_slli_epi16(a, SHIFT);
        }
        if constexpr (SHIFT < 0) {
            a = _mm512_srli_epi16(a, -SHIFT);
        }
        return _mm512_and_si512(a, _mm512_set1_epi8(MASK));
    }

    // Largest absolute value of 32 values; NaN if any value is NaN.
    static float largest_of_32(const float * x) {
        const V a = load(x), b = load(x + 16);
        return any(unordered(a, b)) ? NAN : highest(max(magnitude(a), magnitude(b)));
    }

    // Writes 32 values times `factor` as codes, and the sum of each half.
    static void quantize_32(const float * x, float factor, int8_t * codes, int32_t sums[2]) {
        for (int half = 0; half < 2; ++half) {
            const I q = _mm512_cvtps_epi32(mul(set1(factor), load(x + half * 16)));
            sums[half] = _mm512_reduce_add_epi32(q);
            _mm_storeu_si128((__m128i *) (codes + half * 16), _mm512_cvtsepi32_epi8(q));
        }
    }
};

} // namespace
} // namespace pagoda
