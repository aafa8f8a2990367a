// The attention kernel with 8 lanes. Compiled with its own flags; called only where the CPU has them.

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include "attention/kernel.h"

#include <immintrin.h>

namespace pagoda {
namespace {

struct Avx2 {
    using V = __m256;
    static constexpr int W       = 8;
    static constexpr int ROWS    = 3;
    static constexpr int COLUMNS = 2; // 4 x 2 sums, 2 of V, 1 of p: 11 of 16 registers

    static V    zero() { return _mm256_setzero_ps(); }
    static V    set1(float x) { return _mm256_set1_ps(x); }
    static V    load(const float * p) { return _mm256_loadu_ps(p); }
    static V    load_f16(const uint16_t * p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) p)); }
    static V    load_bf16(const uint16_t * p) {
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *) p)), 16));
    }
    static V    load_q8(const char * block, int i) {
        const __m256i q = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *) (block + 2 + i)));
        return _mm256_mul_ps(_mm256_cvtepi32_ps(q), _mm256_set1_ps(_cvtsh_ss(*(const uint16_t *) block)));
    }
    static void store(float * p, V x) { _mm256_storeu_ps(p, x); }
    static V    fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
    static V    mul(V a, V b) { return _mm256_mul_ps(a, b); }
    static V    add(V a, V b) { return _mm256_add_ps(a, b); }
    static V    sub(V a, V b) { return _mm256_sub_ps(a, b); }
    static V    div(V a, V b) { return _mm256_div_ps(a, b); }
    static V    max(V a, V b) { return _mm256_max_ps(a, b); }

    static float hsum(V a) {
        __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        s = _mm_add_ps(s, _mm_movehl_ps(s, s));
        return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
    }

    static float hmax(V a) {
        __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        s = _mm_max_ps(s, _mm_movehl_ps(s, s));
        return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
    }

    // As in the 16-lane file.
    static void store_sums(float * out, const V * s) {
        const V a = _mm256_add_ps(_mm256_unpacklo_ps(s[0], s[1]), _mm256_unpackhi_ps(s[0], s[1]));
        const V b = _mm256_add_ps(_mm256_unpacklo_ps(s[2], s[3]), _mm256_unpackhi_ps(s[2], s[3]));
        const V c = _mm256_add_ps(_mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(a), _mm256_castps_pd(b))),
                                  _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(a), _mm256_castps_pd(b))));
        _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(c), _mm256_extractf128_ps(c, 1)));
    }

    // As in the 16-lane file; the power of two goes in through the exponent bits.
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
};

} // namespace

void attention_avx2(const KernelCall & call) { attention<Avx2>(call); }

} // namespace pagoda

#endif
