// The sampling loops with 4 lanes, for any CPU.

#include "sampling/row-kernel.h"
#include "simd/generic.h"

namespace pagoda {

const RowKernels & row_kernels_generic() { return RowLoops<Generic>::table(); }

} // namespace pagoda
