// The loops with 16 lanes. Compiled with their own flags; called only where the CPU has them.

#if defined(__AVX512F__)

#include "sampling/row-kernel.h"

#include <immintrin.h>

namespace pagoda {
namespace {

struct Avx512 {
    using F = __m512;
    using I = __m512i;
    using M = __mmask16;
    static constexpr int W = 16;

    static F    load(const float * p) { return _mm512_loadu_ps(p); }
    static void store(float * p, F a) { _mm512_storeu_ps(p, a); }
    static F    set1(float a) { return _mm512_set1_ps(a); }
    static F    add(F a, F b) { return _mm512_add_ps(a, b); }
    static F    sub(F a, F b) { return _mm512_sub_ps(a, b); }
    static F    mul(F a, F b) { return _mm512_mul_ps(a, b); }
    static F    max(F a, F b) { return _mm512_max_ps(a, b); } // b where one is NaN
    static F    min(F a, F b) { return _mm512_min_ps(a, b); }
    static F    add_to_exponent(F a, F k) { return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), _mm512_slli_epi32(_mm512_castps_si512(k), 23))); }

    static M   none() { return 0; }
    static M   either(M a, M b) { return a | b; }
    static bool any(M a) { return a != 0; }
    static int count(M a) { return __builtin_popcount(a); }
    static M   unordered(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q); }
    static M   greater(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
    static M   at_least(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }
    static M   at_most(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
    static M   equal(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
    static F   where(M m, F a) { return _mm512_maskz_mov_ps(m, a); }
    static F   select(M m, F a, F b) { return _mm512_mask_mov_ps(b, m, a); }

    // Through a register: a compressing store to memory is microcode on AMD.
    static void store_kept(float * p, M m, F a) { store(p, _mm512_maskz_compress_ps(m, a)); }

    static void store_kept_indices(int32_t * p, M m, int32_t first) {
        const I offsets = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        _mm512_storeu_si512(p, _mm512_maskz_compress_epi32(m, _mm512_add_epi32(offsets, _mm512_set1_epi32(first))));
    }

    static float highest(F a) { return _mm512_reduce_max_ps(a); }
    static float lowest(F a) { return _mm512_reduce_min_ps(a); }

    static float sum16(const F * lanes) {
        const __m256 upper = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(lanes[0]), 1));
        const __m256 s8 = _mm256_add_ps(_mm512_castps512_ps256(lanes[0]), upper);
        __m128 s = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
        s = _mm_add_ps(s, _mm_movehl_ps(s, s));
        return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
    }
};

} // namespace

const RowKernels & row_kernels_avx512() { return RowLoops<Avx512>::table(); }

} // namespace pagoda

#endif
