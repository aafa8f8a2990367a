// Vectors of 8 floats for the kernels' templates. Only for files that are compiled with AVX2, FMA and F16C. Each
// file has its own copy of the functions, so that none is called on a CPU without these instructions.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>

#include <immintrin.h>

namespace pagoda {
namespace {

// Row m: the lanes whose bit is set in m, ascending, one byte each.
constexpr std::array<uint64_t, 256> kept_lanes() {
    std::array<uint64_t, 256> rows = {};
    for (int m = 0; m < 256; ++m) {
        uint64_t row = 0;
        int at = 0;
        for (int lane = 0; lane < 8; ++lane) {
            if (m >> lane & 1) {
                row |= (uint64_t) lane << (8 * at++);
            }
        }
        rows[m] = row;
    }
    return rows;
}

constexpr std::array<uint64_t, 256> KEPT_LANES = kept_lanes();

struct Avx2 {
    using V = __m256;
    using I = __m256i;
    using M = __m256; // all bits of a lane are set, or none
    static constexpr int LANES = 8;

    static V     zero() { return _mm256_setzero_ps(); }
    static V     set1(float x) { return _mm256_set1_ps(x); }
    static V     load(const float * p) { return _mm256_loadu_ps(p); }
    static V     load_f16(const uint16_t * p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) p)); }
    static V     load_bf16(const uint16_t * p) {
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *) p)), 16));
    }
    static V     load_i8(const int8_t * p) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *) p))); }
    static float f16(const uint16_t * p) { return _cvtsh_ss(*p); }
    static void  store(float * p, V a) { _mm256_storeu_ps(p, a); }
    static void  store_first(float * p, V a, int n) {
        if (n >= LANES) {
            _mm256_storeu_ps(p, a);
            return;
        }
        alignas(32) float all[LANES];
        _mm256_store_ps(all, a);
        std::memcpy(p, all, n * sizeof(float));
    }

    static V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
    static V add(V a, V b) { return _mm256_add_ps(a, b); }
    static V sub(V a, V b) { return _mm256_sub_ps(a, b); }
    static V mul(V a, V b) { return _mm256_mul_ps(a, b); }
    static V div(V a, V b) { return _mm256_div_ps(a, b); }
    static V max(V a, V b) { return _mm256_max_ps(a, b); } // b if either is NaN
    static V min(V a, V b) { return _mm256_min_ps(a, b); }
    static V negated(V a) { return _mm256_xor_ps(a, _mm256_set1_ps(-0.0f)); }
    static V magnitude(V a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
    static V add_to_exponent(V a, V k) {
        return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), _mm256_slli_epi32(_mm256_castps_si256(k), 23)));
    }

    // Same as in avx512.h, but the power of two is added to the exponent bits.
    static V exp(V x) {
        const V valid = _mm256_cmp_ps(x, _mm256_set1_ps(-87.0f), _CMP_NLE_UQ);
        x = _mm256_max_ps(_mm256_set1_ps(-87.0f), x);
        const V n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)), 0);
        V r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
        r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
        V p = _mm256_set1_ps(1.0f / 720);
        p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 120));
        p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 24));
        p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 6));
        p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5f));
        p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
        p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
        const __m256i e = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
        return _mm256_and_ps(valid, _mm256_mul_ps(p, _mm256_castsi256_ps(e)));
    }

    static M    none() { return _mm256_setzero_ps(); }
    static M    either(M a, M b) { return _mm256_or_ps(a, b); }
    static bool any(M a) { return _mm256_movemask_ps(a) != 0; }
    static int  count(M a) { return __builtin_popcount((unsigned) _mm256_movemask_ps(a)); }
    static M    unordered(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_UNORD_Q); }
    static M    greater(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
    static M    at_least(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_GE_OQ); }
    static M    at_most(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
    static M    equal(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
    static M    not_less(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_NLT_UQ); } // true for a NaN
    static V    where(M m, V a) { return _mm256_and_ps(m, a); }
    static V    select(M m, V a, V b) { return _mm256_blendv_ps(b, a, m); }

    static I    lanes_of(M m) { return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long) KEPT_LANES[_mm256_movemask_ps(m)])); }
    static void store_kept(float * p, M m, V a) { store(p, _mm256_permutevar8x32_ps(a, lanes_of(m))); }
    static void store_kept_indices(int32_t * p, M m, int32_t first) {
        _mm256_storeu_si256((__m256i *) p, _mm256_add_epi32(lanes_of(m), _mm256_set1_epi32(first)));
    }

    static float highest(V a) {
        __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        s = _mm_max_ps(s, _mm_movehl_ps(s, s));
        return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
    }

    static float lowest(V a) {
        __m128 s = _mm_min_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        s = _mm_min_ps(s, _mm_movehl_ps(s, s));
        return _mm_cvtss_f32(_mm_min_ss(s, _mm_movehdup_ps(s)));
    }

    static float sum(V a) {
        __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        s = _mm_add_ps(s, _mm_movehl_ps(s, s));
        return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
    }

    // Sum of 16 lanes, in the same order in all sets.
    static float sum16(const V * lanes) { return sum(_mm256_add_ps(lanes[0], lanes[1])); }

    // Same as in avx512.h.
    static void store_sums(float * out, const V * s) {
        const V a = _mm256_add_ps(_mm256_unpacklo_ps(s[0], s[1]), _mm256_unpackhi_ps(s[0], s[1]));
        const V b = _mm256_add_ps(_mm256_unpacklo_ps(s[2], s[3]), _mm256_unpackhi_ps(s[2], s[3]));
        const V c = _mm256_add_ps(_mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(a), _mm256_castps_pd(b))),
                                  _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(a), _mm256_castps_pd(b))));
        _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(c), _mm256_extractf128_ps(c, 1)));
    }

    static I load_bytes(const uint8_t * p) { return _mm256_loadu_si256((const __m256i *) p); }
    static I or_bytes(I a, I b) { return _mm256_or_si256(a, b); }

    // The same four bytes in every lane.
    static I repeated(const int8_t * x) {
        int32_t four;
        std::memcpy(&four, x, sizeof(four));
        return _mm256_set1_epi32(four);
    }

    // Shifts bits left (right if SHIFT < 0), then masks each byte with MASK.
    template <int SHIFT, int MASK>
    static I masked(I a) {
        if constexpr (SHIFT > 0) {
            a = _mm256_slli_epi16(a, SHIFT);
        }
        if constexpr (SHIFT < 0) {
            a = _mm256_srli_epi16(a, -SHIFT);
        }
        return _mm256_and_si256(a, _mm256_set1_epi8(MASK));
    }

    // Largest absolute value of 32 values; NaN if any value is NaN.
    static float largest_of_32(const float * x) {
        V most = zero(), nans = zero();
        for (int i = 0; i < 32; i += LANES) {
            const V v = load(x + i);
            most = max(most, magnitude(v));
            nans = either(nans, unordered(v, v));
        }
        return any(nans) ? NAN : highest(most);
    }

    // Writes 32 values times `factor` as codes, and the sum of each half.
    static void quantize_32(const float * x, float factor, int8_t * codes, int32_t sums[2]) {
        for (int half = 0; half < 2; ++half) {
            const V s = set1(factor);
            const I a = _mm256_cvtps_epi32(mul(s, load(x + half * 16)));
            const I b = _mm256_cvtps_epi32(mul(s, load(x + half * 16 + 8)));
            sums[half] = sum_of(_mm256_add_epi32(a, b));
            // packs works on 128-bit halves; restore the order of the 64-bit quarters
            const I       words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xD8);
            const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
            _mm_storeu_si128((__m128i *) (codes + half * 16), bytes);
        }
    }

    static int32_t sum_of(I a) {
        __m128i s = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
        s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4E));
        return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xB1)));
    }
};

} // namespace
} // namespace pagoda
