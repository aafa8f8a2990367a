// Chooses the kernels for this CPU.

#include "adapters/strips.h"

#include "simd/cpu-set.h"

namespace pagoda {

const StripKernels & strip_kernels() {
#if defined(__x86_64__) || defined(_M_X64)
    switch (cpu_set()) {
        case CpuSet::avx512:  return strips_avx512;
        case CpuSet::avx2:    return strips_avx2;
        case CpuSet::generic: break;
    }
#endif
    return strips_generic;
}

} // namespace pagoda
