// The attention kernel with 16 lanes. Compiled with separate flags; called only on CPUs that have these
// instructions.

#if defined(__AVX512F__)

#include "attention/kernel.h"
#include "simd/avx512.h"

namespace pagoda {
namespace {

struct Avx512Tiles : Avx512 {
    static constexpr int ROWS    = 4;
    static constexpr int COLUMNS = 4; // registers: 4 x 4 sums, 4 of V, 1 of p; 21 of 32
};

} // namespace

void attention_avx512(const KernelCall & call) { attention<Avx512Tiles>(call); }

} // namespace pagoda

#endif
