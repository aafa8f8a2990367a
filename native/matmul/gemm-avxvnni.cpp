// AVX-VNNI: four products per lane and instruction, in 256 bits.
//
// Tile: 8 rows per vector, up to 5 activation rows. Of 16 registers: 5 sums + 5 float sums + codes, scales.

#include "matmul/gemm-kernel.h"
#include "matmul/screen-kernel.h"

#if defined(__x86_64__) || defined(_M_X64)

#include "simd/avx2.h"

namespace pagoda {

namespace {

struct AvxVnni : Avx2 {
    static constexpr int  MAX_ROWS    = 5;
    static constexpr bool IS_SIGNED_8 = false;

    template <int BITS>
    struct Sums {
        __m256i sums = _mm256_setzero_si256();

        void add(__m256i codes, const int8_t * x) { sums = _mm256_dpbusd_avx_epi32(sums, codes, repeated(x)); }
        void add(const Sums & other) { sums = _mm256_add_epi32(sums, other.sums); }
        void flush() {}
        __m256 total() const { return _mm256_cvtepi32_ps(sums); }
    };
};

} // namespace

const GemmKernels gemm_avxvnni = { "avxvnni", quantize_row<AvxVnni>, panel_kernel<AvxVnni>, bound_panel<AvxVnni> };

} // namespace pagoda

#endif
