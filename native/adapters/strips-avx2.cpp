// The strip kernels with 8 lanes. Compiled with separate flags; called only on CPUs that have these instructions. Registers: 4 x 2
// sums, 1 weight, 1 input.

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include "adapters/strip-kernel.h"
#include "simd/avx2.h"

namespace pagoda {
namespace {

struct Avx2Strips : Avx2 {
    static constexpr int TILE = 4;
};

} // namespace

const StripKernels strips_avx2 = strip_kernels_of<Avx2Strips>("avx2");

} // namespace pagoda

#endif
