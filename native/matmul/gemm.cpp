// Chooses the set of matrix kernels for this CPU.

#include "matmul/gemm.h"

#include "simd/cpu-set.h"

namespace pagoda {

// AVX-512 without VNNI uses the AVX2 kernels, since its byte products would be the same.
const GemmKernels * gemm_kernels() {
#if defined(__x86_64__) || defined(_M_X64)
    switch (cpu_set()) {
        case CpuSet::avx512:  return cpu_has_byte_dots() ? &gemm_avx512vnni : &gemm_avx2;
        case CpuSet::avx2:    return cpu_has_byte_dots() ? &gemm_avxvnni : &gemm_avx2;
        case CpuSet::generic: return nullptr;
    }
#endif
    return nullptr;
}

} // namespace pagoda
