// The sampling loops with 16 lanes. Compiled with separate flags; called only on CPUs that have these instructions.

#if defined(__AVX512F__)

#include "sampling/row-kernel.h"
#include "simd/avx512.h"

namespace pagoda {

const RowKernels & row_kernels_avx512() { return RowLoops<Avx512>::table(); }

} // namespace pagoda

#endif
