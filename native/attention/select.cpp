// Table of kernels by instruction set. The generic kernel handles head sizes that the chosen one does not support.

#include "attention/select.h"

#include "simd/cpu-set.h"

namespace pagoda {

namespace {

struct KernelSet {
    const char *    name;
    AttentionKernel kernel;
    int             lanes; // head sizes must be divisible by this
    ggml_type       cache; // fastest type of K and V
};

KernelSet pick_kernel() {
#if defined(__x86_64__) || defined(_M_X64)
    switch (cpu_set()) {
        case CpuSet::avx512:
            return cpu_has_bf16_dots() ? KernelSet{ "avx512bf16", attention_avx512bf16, 16, GGML_TYPE_BF16 }
                                       : KernelSet{ "avx512", attention_avx512, 16, GGML_TYPE_F16 };
        case CpuSet::avx2:    return { "avx2", attention_avx2, 8, GGML_TYPE_F16 };
        case CpuSet::generic: break;
    }
#endif
    return { "generic", attention_generic, 1, GGML_TYPE_F16 };
}

const KernelSet & kernel_set() {
    static const KernelSet set = pick_kernel();
    return set;
}

} // namespace

AttentionKernel attention_kernel_for(int32_t head_dim_k, int32_t head_dim_v) {
    const KernelSet & set = kernel_set();
    return head_dim_k % set.lanes == 0 && head_dim_v % set.lanes == 0 ? set.kernel : attention_generic;
}

const char * attention_kernel_name() { return kernel_set().name; }

ggml_type attention_cache_type() { return kernel_set().cache; }

} // namespace pagoda
