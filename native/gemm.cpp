#include "gemm.h"

#include <cstdlib>
#include <string_view>

namespace pagoda {

namespace {

#if defined(__x86_64__) || defined(_M_X64)

bool has_avx2() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

bool has_avx512vnni() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
}

// AVX-VNNI is bit 4 of EAX in leaf 7, sub-leaf 1; GCC 12 does not know it by name.
bool has_avxvnni() {
    uint32_t a = 7, b = 0, c = 1, d = 0;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return has_avx2() && (a & 1u << 4);
}

// PAGODA_CPU names the highest set that may be used.
const GemmKernels * pick_kernels() {
    const char * env = std::getenv("PAGODA_CPU");
    const std::string_view highest = env && *env ? env : "avx512";
    if (highest == "generic") {
        return nullptr;
    }
    if (highest == "avx512" && has_avx512vnni()) {
        return &gemm_avx512vnni;
    }
    if (highest != "avx2" && has_avxvnni()) {
        return &gemm_avxvnni;
    }
    return has_avx2() ? &gemm_avx2 : nullptr;
}

#else

const GemmKernels * pick_kernels() { return nullptr; }

#endif

} // namespace

const GemmKernels * gemm_kernels() {
    static const GemmKernels * const kernels = pick_kernels();
    return kernels;
}

} // namespace pagoda
