// AVX-512 VNNI: a panel's 16 rows are one vector.
//
// Tile: 16 rows by up to 12 activation rows: 12 sums + 12 float sums + codes, scales of 32 registers; an
// activation row's four bytes come straight from memory, repeated by the instruction.

#include "matmul/gemm-kernel.h"
#include "matmul/screen-kernel.h"

#if defined(__x86_64__) || defined(_M_X64)

#include <immintrin.h>

#include <cmath>
#include <cstring>

namespace pagoda {

namespace {

struct Avx512Vnni {
    using V = __m512;
    using I = __m512i;
    static constexpr int  LANES       = 16;
    static constexpr int  MAX_ROWS    = 12;
    static constexpr bool IS_SIGNED_8 = false;

    template <int BITS>
    struct Sums {
        __m512i sums = _mm512_setzero_si512();

        void add(__m512i codes, const int8_t * x) {
            int32_t four;
            std::memcpy(&four, x, sizeof(four));
            sums = _mm512_dpbusd_epi32(sums, codes, _mm512_set1_epi32(four));
        }
        void add(const Sums & other) { sums = _mm512_add_epi32(sums, other.sums); }
        void flush() {}
        __m512 total() const { return _mm512_cvtepi32_ps(sums); }
    };

    static V    zero() { return _mm512_setzero_ps(); }
    static V    set1(float x) { return _mm512_set1_ps(x); }
    static V    load(const float * p) { return _mm512_loadu_ps(p); }
    static V    load_f16(const uint16_t * p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) p)); }
    static V    load_i8(const int8_t * p) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *) p))); }
    static V    mul(V a, V b) { return _mm512_mul_ps(a, b); }
    static V    fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
    static V    negated(V a) { return _mm512_xor_ps(a, _mm512_set1_ps(-0.0f)); }
    static V    magnitude(V a) { return _mm512_abs_ps(a); }
    // Whether a lane is not below; a NaN is not.
    static bool any_reaches(V a, float bound) { return _mm512_cmp_ps_mask(a, set1(bound), _CMP_NLT_UQ) != 0; }
    static I    load_bytes(const uint8_t * p) { return _mm512_loadu_si512(p); }
    static I    or_bytes(I a, I b) { return _mm512_or_si512(a, b); }

    // Bits to the left (right where SHIFT < 0), then only those of MASK in each byte.
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

    static void store_first(float * p, V a, int n) { _mm512_mask_storeu_ps(p, (__mmask16) ((1u << n) - 1), a); }

    // Largest absolute value of 32; NaN where there is one.
    static float largest_of_block(const float * x) {
        const V a = load(x), b = load(x + 16);
        if (_mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q)) {
            return NAN;
        }
        return _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b)));
    }

    static void quantize_block(const float * x, float inverse, int8_t * codes, int32_t sums[2]) {
        for (int half = 0; half < 2; ++half) {
            const __m512i q = _mm512_cvtps_epi32(mul(set1(inverse), load(x + half * 16)));
            sums[half] = _mm512_reduce_add_epi32(q);
            _mm_storeu_si128((__m128i *) (codes + half * 16), _mm512_cvtsepi32_epi8(q));
        }
    }
};

} // namespace

const GemmKernels gemm_avx512vnni = { "avx512vnni", quantize_row<Avx512Vnni>, panel_kernel<Avx512Vnni>, bound_panel<Avx512Vnni> };

} // namespace pagoda

#endif
