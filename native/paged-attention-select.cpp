// Which attention kernel this machine runs: the widest that its CPU has and PAGODA_CPU allows.

#include "paged-attention.h"
#include "paged-attention-task.h"

#include <cstdlib>
#include <string_view>

namespace pagoda {

namespace {

struct KernelSet {
    const char *    name;
    AttentionKernel kernel;
    int             lanes; // head sizes must be divisible by this
};

KernelSet pick_kernel() {
#if defined(__x86_64__) || defined(_M_X64)
    const char * env = std::getenv("PAGODA_CPU");
    const std::string_view forced = env ? env : "";
    const bool has512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    const bool has2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    if (has512 && forced != "avx2" && forced != "generic") {
        return { "avx512", attention_avx512, 16 };
    }
    if (has2 && forced != "generic") {
        return { "avx2", attention_avx2, 8 };
    }
#endif
    return { "generic", attention_generic, 1 };
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

} // namespace pagoda
