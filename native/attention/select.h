// Which attention kernels this machine runs, chosen once a process by simd/cpu-set.h. Any thread.
#pragma once

#include "attention/kernel-call.h"

#include "ggml.h"

namespace pagoda {

// The best kernel for head sizes on this machine.
AttentionKernel attention_kernel_for(int32_t head_dim_k, int32_t head_dim_v);

// Name of the kernel set in use: "avx512bf16", "avx512", "avx2" or "generic". PAGODA_CPU forces a lower one.
const char * attention_kernel_name();

// Type of a cache that the set takes fastest of those of 16 bits: bf16 where it multiplies pairs of bf16, to which it
// would round f16, else f16.
ggml_type attention_cache_type();

} // namespace pagoda
