// Attention kernels for this machine, chosen once per process by simd/cpu-set.h. Thread-safe.
#pragma once

#include "attention/kernel-call.h"

#include "ggml.h"

namespace pagoda {

// Returns the best kernel for these head sizes on this machine.
AttentionKernel attention_kernel_for(int32_t head_dim_k, int32_t head_dim_v);

// Name of the kernel set in use: "avx512bf16", "avx512", "avx2" or "generic". PAGODA_CPU forces a lower one.
const char * attention_kernel_name();

// Returns the set's fastest 16-bit cache type: bf16 if the set multiplies bf16 pairs (it would round f16 to bf16),
// otherwise f16.
ggml_type attention_cache_type();

} // namespace pagoda
