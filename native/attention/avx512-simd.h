// Vectors of 16 lanes for the attention kernels' templates. Only for files that are compiled with AVX-512.
#pragma once

#include <cstdint>

#include <immintrin.h>

namespace pagoda {
namespace {

struct Avx512 {
    using V = __m512;
    static constexpr int W       = 16;
    static constexpr int ROWS    = 4;
    static constexpr int COLUMNS = 4; // 4 x 4 sums, 4 of V, 1 of p: 21 of 32 registers

    static V    zero() { return _mm512_setzero_ps(); }
    static V    set1(float x) { return _mm512_set1_ps(x); }
    static V    load(const float * p) { return _mm512_loadu_ps(p); }
    static V    load_f16(const uint16_t * p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) p)); }
    static V    load_bf16(const uint16_t * p) {
        return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *) p)), 16));
    }
    static V    load_q8(const char * block, int i) {
        const __m512i q = _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *) (block + 2 + i)));
        return _mm512_mul_ps(_mm512_cvtepi32_ps(q), _mm512_set1_ps(_cvtsh_ss(*(const uint16_t *) block)));
    }
    static void store(float * p, V x) { _mm512_storeu_ps(p, x); }
    static V    fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
    static V    mul(V a, V b) { return _mm512_mul_ps(a, b); }
    static V    add(V a, V b) { return _mm512_add_ps(a, b); }
    static V    sub(V a, V b) { return _mm512_sub_ps(a, b); }
    static V    div(V a, V b) { return _mm512_div_ps(a, b); }
    static V    max(V a, V b) { return _mm512_max_ps(a, b); }

    static float hsum(V a) { return _mm512_reduce_add_ps(a); }
    static float hmax(V a) { return _mm512_reduce_max_ps(a); }

    // Four sums at once: within 128-bit lanes by unpacking pairs, then the four lanes.
    static void store_sums(float * out, const V * s) {
        const V a = _mm512_add_ps(_mm512_unpacklo_ps(s[0], s[1]), _mm512_unpackhi_ps(s[0], s[1]));
        const V b = _mm512_add_ps(_mm512_unpacklo_ps(s[2], s[3]), _mm512_unpackhi_ps(s[2], s[3]));
        const V c = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b))),
                                  _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b))));
        const __m256 d = _mm256_add_ps(_mm512_castps512_ps256(c), _mm512_extractf32x8_ps(c, 1));
        _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(d), _mm256_extractf128_ps(d, 1)));
    }

    // 2^(x log2 e): integer part by scaling, fraction by a degree-6 polynomial, relative error below 3e-7.
    // NaN stays NaN: of unordered operands, max takes the second.
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
};

} // namespace
} // namespace pagoda
