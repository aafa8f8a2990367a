// The attention kernel with 16 lanes. Compiled with its own flags; called only where the CPU has them.

#if defined(__AVX512F__)

#include "attention/avx512-simd.h"
#include "attention/kernel.h"

namespace pagoda {

void attention_avx512(const KernelCall & call) { attention<Avx512>(call); }

} // namespace pagoda

#endif
