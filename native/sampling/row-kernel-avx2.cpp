// The loops with 8 lanes. Compiled with their own flags; called only where the CPU has them.

#if defined(__AVX2__)

#include "sampling/row-kernel.h"

#include <array>
#include <immintrin.h>

namespace pagoda {
namespace {

// Row m: the lanes whose bit is set in m, ascending, a byte each.
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
    using F = __m256;
    using I = __m256i;
    using M = __m256;
    static constexpr int W = 8;

    static F    load(const float * p) { return _mm256_loadu_ps(p); }
    static void store(float * p, F a) { _mm256_storeu_ps(p, a); }
    static F    set1(float a) { return _mm256_set1_ps(a); }
    static F    add(F a, F b) { return _mm256_add_ps(a, b); }
    static F    sub(F a, F b) { return _mm256_sub_ps(a, b); }
    static F    mul(F a, F b) { return _mm256_mul_ps(a, b); }
    static F    max(F a, F b) { return _mm256_max_ps(a, b); } // b where one is NaN
    static F    min(F a, F b) { return _mm256_min_ps(a, b); }
    static F    add_to_exponent(F a, F k) { return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), _mm256_slli_epi32(_mm256_castps_si256(k), 23))); }

    static M    none() { return _mm256_setzero_ps(); }
    static M    either(M a, M b) { return _mm256_or_ps(a, b); }
    static bool any(M a) { return _mm256_movemask_ps(a) != 0; }
    static int  count(M a) { return __builtin_popcount((unsigned) _mm256_movemask_ps(a)); }
    static M    unordered(F a, F b) { return _mm256_cmp_ps(a, b, _CMP_UNORD_Q); }
    static M    greater(F a, F b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
    static M    at_least(F a, F b) { return _mm256_cmp_ps(a, b, _CMP_GE_OQ); }
    static M    at_most(F a, F b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
    static M    equal(F a, F b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
    static F    where(M m, F a) { return _mm256_and_ps(m, a); }
    static F    select(M m, F a, F b) { return _mm256_blendv_ps(b, a, m); }

    static I lanes_of(M m) { return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long) KEPT_LANES[_mm256_movemask_ps(m)])); }

    static void store_kept(float * p, M m, F a) { store(p, _mm256_permutevar8x32_ps(a, lanes_of(m))); }

    static void store_kept_indices(int32_t * p, M m, int32_t first) {
        _mm256_storeu_si256((__m256i *) p, _mm256_add_epi32(lanes_of(m), _mm256_set1_epi32(first)));
    }

    static float highest(F a) {
        __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        s = _mm_max_ps(s, _mm_movehl_ps(s, s));
        return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
    }

    static float lowest(F a) {
        __m128 s = _mm_min_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        s = _mm_min_ps(s, _mm_movehl_ps(s, s));
        return _mm_cvtss_f32(_mm_min_ss(s, _mm_movehdup_ps(s)));
    }

    static float sum16(const F * lanes) {
        const __m256 s8 = _mm256_add_ps(lanes[0], lanes[1]);
        __m128 s = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
        s = _mm_add_ps(s, _mm_movehl_ps(s, s));
        return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
    }
};

} // namespace

const RowKernels & row_kernels_avx2() { return RowLoops<Avx2>::table(); }

} // namespace pagoda

#endif
