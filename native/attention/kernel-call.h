// A kernel call: query rows against one partition of one K/V head.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pagoda {

// K and V are processed in partitions of this many tokens, from position 0. Each partition yields a partial
// softmax, and a row's partials are folded in order. Since partitions are fixed, threads can share a sequence, and
// sequences can share a prefix, without changing a bit of the result.
constexpr int32_t PARTITION_TOKENS = 256;

// Number of tokens whose scores are on the stack at once, in one step of the online softmax. Divides
// PARTITION_TOKENS.
constexpr int32_t SPAN_TOKENS = 64;

// Number of rows that the bf16 kernel processes together in a call.
constexpr int32_t STRIP_ROWS = 48;

enum class KvType { f16, bf16, f32, q8_0 };

// Row r is one token's query for one head of the K/V head's group. All rows belong to sequences that have the same
// blocks in [begin, end).
struct KernelCall {
    const float *   q;             // [n_rows, head_dim_k], contiguous, already scaled
    const int32_t * row_positions; // [n_rows]
    int32_t         n_rows;
    const char *    k;             // K/V head's first element of slot 0
    const char *    v;
    int64_t         k_stride;      // bytes between slots
    int64_t         v_stride;
    KvType          kv_type;
    int32_t         head_dim_k;
    int32_t         head_dim_v;
    const int32_t * block_ids;     // the sequence's blocks
    int32_t         block_size;
    int32_t         n_swa;         // 0 = no window
    int32_t         swa_type;      // enum llama_swa_type
    float           softcap;       // 0 = none
    int32_t         begin;         // positions [begin, end) within one partition; begin is at a span's start,
    int32_t         end;           // and end is past the last position that a row sees
    float *         scratch;       // scratch_floats() floats
    float *         acc;           // [n_rows, head_dim_v] out: sum of p * v, unnormalized
    float *         row_max;       // [n_rows] out, -inf if the row sees none of the tokens
    float *         row_sum;       // [n_rows] out

    const KernelCall * next;       // call whose first span is fetched during this call's last span; or null
};

using AttentionKernel = void (*)(const KernelCall &);

void attention_generic(const KernelCall & call);
void attention_avx2(const KernelCall & call);       // AVX2, FMA, F16C; head sizes divisible by 8
void attention_avx512(const KernelCall & call);     // AVX512 F/BW/VL/DQ; head sizes divisible by 16
void attention_avx512bf16(const KernelCall & call); // the same, plus AVX512-BF16

// Scratch memory for any kernel: a span's K and V as f32, or a partition's as bf16 with a strip's q and sums.
inline size_t scratch_floats(int32_t head_dim_k, int32_t head_dim_v) {
    return 16 + PARTITION_TOKENS / 2 * (head_dim_k + head_dim_v) + STRIP_ROWS * (head_dim_k / 2 + head_dim_v);
}

namespace {

// First position that a query at `pos` sees, as in llama_hparams::is_masked_swa.
inline int32_t window_start(int32_t n_swa, int32_t swa_type, int32_t pos) {
    if (n_swa <= 0) {
        return 0;
    }
    switch (swa_type) {
        case 1:  return pos >= n_swa ? pos - n_swa + 1 : 0; // LLAMA_SWA_TYPE_STANDARD
        case 2:  return pos / n_swa * n_swa;                // LLAMA_SWA_TYPE_CHUNKED
        default: return 0;
    }
}

} // namespace

} // namespace pagoda
