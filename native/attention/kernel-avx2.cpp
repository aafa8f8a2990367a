// The attention kernel with 8 lanes. Compiled with separate flags; called only on CPUs that have these
// instructions.

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include "attention/kernel.h"
#include "simd/avx2.h"

namespace pagoda {
namespace {

struct Avx2Tiles : Avx2 {
    static constexpr int ROWS    = 3;
    static constexpr int COLUMNS = 2; // registers: 3 x 2 sums, 2 of V, 1 of p
};

} // namespace

void attention_avx2(const KernelCall & call) { attention<Avx2Tiles>(call); }

} // namespace pagoda

#endif
