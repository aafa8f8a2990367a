// Attention over block tables on the CPU: a ggml custom op that reads K and V where the placement says.
// What a row gets is a function of its query, its position and its K and V alone: neither the company
// it is computed in, nor the number of threads, nor the order of blocks changes a bit of it.
#pragma once

struct ggml_tensor;

namespace pagoda {

// The op for llama_placement::attention. `layer` is a llama_placement_layer whose placement is an
// AttentionPlan that was prepared for the step.
void paged_attention_op(struct ggml_tensor * dst, int ith, int nth, void * layer);

// Name of the kernel set in use: "avx512bf16", "avx512", "avx2" or "generic". PAGODA_CPU forces a lower one.
const char * attention_kernel_name();

// Type of a cache that the set takes fastest of those of 16 bits: "bf16" where it multiplies pairs of bf16, to which
// it would round f16, else "f16".
const char * attention_cache_type();

} // namespace pagoda
