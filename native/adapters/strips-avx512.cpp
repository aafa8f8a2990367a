// The strip kernels with 16 lanes. Compiled with separate flags; called only on CPUs that have these instructions. Registers: 8 sums, 1
// weight, and inputs as operands from memory.

#if defined(__AVX512F__)

#include "adapters/strip-kernel.h"
#include "simd/avx512.h"

namespace pagoda {
namespace {

struct Avx512Strips : Avx512 {
    static constexpr int TILE = 8;
};

} // namespace

const StripKernels strips_avx512 = strip_kernels_of<Avx512Strips>("avx512");

} // namespace pagoda

#endif
