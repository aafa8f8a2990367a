// AVX2 without a dot-product instruction: multiplies unsigned and signed bytes in pairs and sums in 16 bits as long
// as the sums fit. Largest sums before a flush: 4 bits, 8 groups: 8 x 2 x 15 x 127 = 30,480; 5 bits, 4 groups:
// 31,496; 6 bits, 2 groups: 32,004. 8-bit codes would overflow, so their signs are moved to the activations (2 x
// 128 x 127 = 32,512), and the products are summed in 32 bits right away.
//
// Tile: 8 rows per vector, up to 4 activation rows. Of 16 registers: 4 sums + 4 float sums + codes, scales, constants.

#include "matmul/gemm-kernel.h"
#include "matmul/screen-kernel.h"

#if defined(__x86_64__) || defined(_M_X64)

#include "simd/avx2.h"

namespace pagoda {

namespace {

struct Avx2Gemm : Avx2 {
    static constexpr int  MAX_ROWS    = 4;
    static constexpr bool IS_SIGNED_8 = true;

    template <int BITS>
    struct Sums {
        __m256i words = _mm256_setzero_si256();
        __m256i sums  = _mm256_setzero_si256();

        void add(__m256i codes, const int8_t * x) {
            const __m256i xs = repeated(x);
            if constexpr (BITS == 8) {
                const __m256i w = _mm256_xor_si256(codes, _mm256_set1_epi8((char) 0x80));
                words = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(xs, w));
                sums  = _mm256_add_epi32(sums, _mm256_madd_epi16(words, _mm256_set1_epi16(1)));
            } else {
                words = _mm256_add_epi16(words, _mm256_maddubs_epi16(codes, xs));
            }
        }

        void add(const Sums & other) { sums = _mm256_add_epi32(sums, other.sums); }

        void flush() {
            if constexpr (BITS != 8) {
                sums  = _mm256_add_epi32(sums, _mm256_madd_epi16(words, _mm256_set1_epi16(1)));
                words = _mm256_setzero_si256();
            }
        }

        __m256 total() const { return _mm256_cvtepi32_ps(sums); }
    };
};

} // namespace

const GemmKernels gemm_avx2 = { "avx2", quantize_row<Avx2Gemm>, panel_kernel<Avx2Gemm>, bound_panel<Avx2Gemm> };

} // namespace pagoda

#endif
