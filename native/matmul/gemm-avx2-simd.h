// 256-bit vectors: what the AVX2 and the AVX-VNNI kernels share.
#pragma once

#include <immintrin.h>

#include <cmath>
#include <cstdint>
#include <cstring>

namespace pagoda {
namespace {

inline __m256i repeated_bytes(const int8_t * x) {
    int32_t four;
    std::memcpy(&four, x, sizeof(four));
    return _mm256_set1_epi32(four);
}

struct Simd256 {
    using V = __m256;
    using I = __m256i;
    static constexpr int LANES = 8;

    static V    zero() { return _mm256_setzero_ps(); }
    static V    set1(float x) { return _mm256_set1_ps(x); }
    static V    load(const float * p) { return _mm256_loadu_ps(p); }
    static V    load_f16(const uint16_t * p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) p)); }
    static V    load_i8(const int8_t * p) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *) p))); }
    static V    mul(V a, V b) { return _mm256_mul_ps(a, b); }
    static V    fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
    static V    negated(V a) { return _mm256_xor_ps(a, _mm256_set1_ps(-0.0f)); }
    static V    magnitude(V a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
    // Whether a lane is not below; a NaN is not.
    static bool any_reaches(V a, float bound) { return _mm256_movemask_ps(_mm256_cmp_ps(a, set1(bound), _CMP_NLT_UQ)) != 0; }
    static I    load_bytes(const uint8_t * p) { return _mm256_loadu_si256((const __m256i *) p); }
    static I    or_bytes(I a, I b) { return _mm256_or_si256(a, b); }

    // Bits to the left (right where SHIFT < 0), then only those of MASK in each byte.
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

    static void store_first(float * p, V a, int n) {
        if (n >= LANES) {
            _mm256_storeu_ps(p, a);
            return;
        }
        alignas(32) float all[LANES];
        _mm256_store_ps(all, a);
        std::memcpy(p, all, n * sizeof(float));
    }

    // Largest absolute value of 32; NaN where there is one.
    static float largest_of_block(const float * x) {
        const __m256 sign = _mm256_set1_ps(-0.0f);
        __m256 most = _mm256_setzero_ps();
        __m256 nans = _mm256_setzero_ps();
        for (int i = 0; i < 32; i += 8) {
            const __m256 v = _mm256_loadu_ps(x + i);
            most = _mm256_max_ps(most, _mm256_andnot_ps(sign, v));
            nans = _mm256_or_ps(nans, _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
        }
        if (_mm256_movemask_ps(nans)) {
            return NAN;
        }
        __m128 half = _mm_max_ps(_mm256_castps256_ps128(most), _mm256_extractf128_ps(most, 1));
        half = _mm_max_ps(half, _mm_movehl_ps(half, half));
        return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
    }

    static void quantize_block(const float * x, float inverse, int8_t * codes, int32_t sums[2]) {
        for (int half = 0; half < 2; ++half) {
            const __m256 s = _mm256_set1_ps(inverse);
            const __m256i a = _mm256_cvtps_epi32(_mm256_mul_ps(s, _mm256_loadu_ps(x + half * 16)));
            const __m256i b = _mm256_cvtps_epi32(_mm256_mul_ps(s, _mm256_loadu_ps(x + half * 16 + 8)));
            sums[half] = sum_of(_mm256_add_epi32(a, b));
            // packs works in 128-bit halves: put the 64-bit quarters in order again
            const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xD8);
            const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
            _mm_storeu_si128((__m128i *) (codes + half * 16), bytes);
        }
    }

    static int32_t sum_of(__m256i a) {
        __m128i s = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
        s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4E));
        return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xB1)));
    }
};

} // namespace
} // namespace pagoda
