// The sampling loops with 8 lanes. Compiled with separate flags; called only on CPUs that have these instructions.

#if defined(__AVX2__)

#include "sampling/row-kernel.h"
#include "simd/avx2.h"

namespace pagoda {

const RowKernels & row_kernels_avx2() { return RowLoops<Avx2>::table(); }

} // namespace pagoda

#endif
