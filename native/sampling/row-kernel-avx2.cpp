// The sampling loops with 8 lanes. Compiled with separate flags and called only on CPUs that support them.

#if defined(__AVX2__)

#include "sampling/row-kernel.h"
#include "simd/avx2.h"

namespace pagoda {

const RowKernels & row_kernels_avx2() { return RowLoops<Avx2>::table(); }

} // namespace pagoda

#endif
