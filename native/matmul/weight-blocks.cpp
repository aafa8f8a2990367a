// The bit layouts are those of ggml-common.h and ggml's dequantize_row functions.

#include "matmul/weight-blocks.h"

#define GGML_COMMON_DECL_C
#include "ggml-common.h"

#include <cstring>

namespace pagoda {

namespace {

// Column j is in the low nibble of byte j, column j + 16 in the high nibble.
void read_nibbles(const uint8_t * qs, uint8_t * codes) {
    for (int j = 0; j < 16; ++j) {
        codes[j]      = qs[j] & 0x0F;
        codes[j + 16] = qs[j] >> 4;
    }
}

// Bit j of a 32-bit word is the fifth bit of column j.
void add_fifth_bits(const uint8_t * qh, uint8_t * codes) {
    uint32_t bits;
    std::memcpy(&bits, qh, sizeof(bits));
    for (int j = 0; j < 32; ++j) {
        codes[j] |= (uint8_t) ((bits >> j & 1) << 4);
    }
}

// 8 scales and 8 mins of 6 bits each in 12 bytes.
void read_factors(const uint8_t * packed, int i, WeightBlock & block) {
    if (i < 4) {
        block.factors[0] = (int8_t) (packed[i] & 63);
        block.min_factor = packed[i + 4] & 63;
    } else {
        block.factors[0] = (int8_t) ((packed[i + 4] & 0x0F) | (packed[i - 4] >> 6 << 4));
        block.min_factor = (uint8_t) ((packed[i + 4] >> 4) | (packed[i] >> 6 << 4));
    }
}

// Blocks 2n and 2n + 1 are the low and high nibbles of the same 32 bytes.
void read_nibble_pair(const uint8_t * qs, int i, uint8_t * codes) {
    for (int j = 0; j < 32; ++j) {
        codes[j] = qs[i / 2 * 32 + j] >> (i % 2 * 4) & 0x0F;
    }
}

} // namespace

void read_q4_0(const uint8_t * row, int64_t b, WeightBlock & block) {
    const block_q4_0 & q = ((const block_q4_0 *) row)[b];
    read_nibbles(q.qs, block.codes);
    block.scale = q.d;
}

void read_q4_1(const uint8_t * row, int64_t b, WeightBlock & block) {
    const block_q4_1 & q = ((const block_q4_1 *) row)[b];
    read_nibbles(q.qs, block.codes);
    block.scale = q.d;
    block.min   = q.m;
}

void read_q5_0(const uint8_t * row, int64_t b, WeightBlock & block) {
    const block_q5_0 & q = ((const block_q5_0 *) row)[b];
    read_nibbles(q.qs, block.codes);
    add_fifth_bits(q.qh, block.codes);
    block.scale = q.d;
}

void read_q5_1(const uint8_t * row, int64_t b, WeightBlock & block) {
    const block_q5_1 & q = ((const block_q5_1 *) row)[b];
    read_nibbles(q.qs, block.codes);
    add_fifth_bits(q.qh, block.codes);
    block.scale = q.d;
    block.min   = q.m;
}

void read_q8_0(const uint8_t * row, int64_t b, WeightBlock & block) {
    const block_q8_0 & q = ((const block_q8_0 *) row)[b];
    for (int j = 0; j < 32; ++j) {
        block.codes[j] = (uint8_t) (q.qs[j] + 128);
    }
    block.scale = q.d;
}

void read_q4_k(const uint8_t * row, int64_t b, WeightBlock & block) {
    const block_q4_K & q = ((const block_q4_K *) row)[b / 8];
    const int i = (int) (b % 8);
    read_nibble_pair(q.qs, i, block.codes);
    read_factors(q.scales, i, block);
    block.super_scale = ggml_fp16_to_fp32(q.d);
    block.super_min   = ggml_fp16_to_fp32(q.dmin);
}

void read_q5_k(const uint8_t * row, int64_t b, WeightBlock & block) {
    const block_q5_K & q = ((const block_q5_K *) row)[b / 8];
    const int i = (int) (b % 8);
    read_nibble_pair(q.qs, i, block.codes);
    for (int j = 0; j < 32; ++j) {
        block.codes[j] |= (uint8_t) ((q.qh[j] >> i & 1) << 4);
    }
    read_factors(q.scales, i, block);
    block.super_scale = ggml_fp16_to_fp32(q.d);
    block.super_min   = ggml_fp16_to_fp32(q.dmin);
}

void read_q6_k(const uint8_t * row, int64_t b, WeightBlock & block) {
    const block_q6_K & q = ((const block_q6_K *) row)[b / 8];
    const int half = (int) (b % 8) / 4;
    const int k    = (int) (b % 4);
    const uint8_t * ql = q.ql + half * 64 + k % 2 * 32;
    const uint8_t * qh = q.qh + half * 32;
    for (int j = 0; j < 32; ++j) {
        block.codes[j] = (uint8_t) ((ql[j] >> (k / 2 * 4) & 0x0F) | (qh[j] >> (2 * k) & 3) << 4);
    }
    block.factors[0]  = q.scales[half * 8 + k * 2];
    block.factors[1]  = q.scales[half * 8 + k * 2 + 1];
    block.super_scale = ggml_fp16_to_fp32(q.d);
}

} // namespace pagoda
