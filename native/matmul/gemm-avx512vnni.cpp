// AVX-512 VNNI: a panel's 16 rows are one vector.
//
// Tile: 16 rows by up to 12 activation rows. Of 32 registers: 12 sums + 12 float sums + codes, scales. The
// instruction broadcasts an activation row's four bytes directly from memory.

#include "matmul/gemm-kernel.h"
#include "matmul/screen-kernel.h"

#if defined(__x86_64__) || defined(_M_X64)

#include "simd/avx512.h"

namespace pagoda {

namespace {

struct Avx512Vnni : Avx512 {
    static constexpr int  MAX_ROWS    = 12;
    static constexpr bool IS_SIGNED_8 = false;

    template <int BITS>
    struct Sums {
        __m512i sums = _mm512_setzero_si512();

        void add(__m512i codes, const int8_t * x) { sums = _mm512_dpbusd_epi32(sums, codes, repeated(x)); }
        void add(const Sums & other) { sums = _mm512_add_epi32(sums, other.sums); }
        void flush() {}
        __m512 total() const { return _mm512_cvtepi32_ps(sums); }
    };
};

} // namespace

const GemmKernels gemm_avx512vnni = { "avx512vnni", quantize_row<Avx512Vnni>, panel_kernel<Avx512Vnni>, bound_panel<Avx512Vnni> };

} // namespace pagoda

#endif
