// Attention over block tables on the CPU: a ggml custom op that reads K and V where the placement says.
// One pass over K/V serves a whole group of query heads. Runs on ggml's threads; work is split by
// (sequence, query tile, K/V head), so a row's result does not depend on what it is batched with.
#pragma once

#include "llama.h"

#include <cstdint>

struct ggml_tensor;

namespace pagoda {

// One unit of work: query rows [row0, row0 + n_rows) of one sequence against one K/V head.
// Row r is token r / group, query head r % group of the K/V head.
struct AttentionTask {
    const float *   q;             // [n_rows, head_dim_k], contiguous, already scaled
    const int32_t * row_positions; // [n_rows]
    int32_t         n_rows;
    const char *    k;             // K/V head's first element of slot 0
    const char *    v;
    int64_t         k_stride;      // bytes from slot to slot
    int64_t         v_stride;
    bool            is_f32;        // else f16
    int32_t         head_dim_k;
    int32_t         head_dim_v;
    const int32_t * block_ids;     // of the sequence
    int32_t         block_size;
    int32_t         n_swa;         // 0 = no window
    int32_t         swa_type;      // enum llama_swa_type
    float           softcap;       // 0 = none
    float *         scratch;       // attention_scratch_size() floats
    float *         acc;           // [n_rows, head_dim_v] out: sum of p * v, unnormalised
    float *         row_max;       // [n_rows] out
    float *         row_sum;       // [n_rows] out
};

using AttentionKernel = void (*)(const AttentionTask &);

void attention_generic(const AttentionTask & task);
void attention_avx2(const AttentionTask & task);   // AVX2, FMA, F16C; head sizes divisible by 8
void attention_avx512(const AttentionTask & task); // AVX512 F/BW/VL/DQ; head sizes divisible by 16

// The op for llama_placement::attention; `layer` is a llama_placement_layer.
void paged_attention_op(struct ggml_tensor * dst, int ith, int nth, void * layer);

// Name of the kernel set in use: "avx512", "avx2" or "generic". PAGODA_CPU forces a lower one.
const char * attention_kernel_name();

} // namespace pagoda
