// A block of 32 weights from one row, extracted from ggml's storage, with codes and scales as in the file.
#pragma once

#include "ggml.h"

#include <cstdint>

namespace pagoda {

// Fields that a type does not have are left unchanged. weight = scale * (code - zero), scale * code + min, or, for
// K-quants, super_scale * factor * (code - zero) or super_scale * factor * code - super_min * min_factor.
struct WeightBlock {
    uint8_t     codes[32];
    ggml_fp16_t scale;
    ggml_fp16_t min;
    float       super_scale;
    float       super_min;
    int8_t      factors[2]; // of the two halves, for types with one factor per half
    uint8_t     min_factor;
};

// Reads block b, in units of 32 columns, of the row that begins at `row`.
using BlockReader = void (*)(const uint8_t * row, int64_t b, WeightBlock & block);

void read_q4_0(const uint8_t * row, int64_t b, WeightBlock & block);
void read_q4_1(const uint8_t * row, int64_t b, WeightBlock & block);
void read_q5_0(const uint8_t * row, int64_t b, WeightBlock & block);
void read_q5_1(const uint8_t * row, int64_t b, WeightBlock & block);
void read_q8_0(const uint8_t * row, int64_t b, WeightBlock & block);
void read_q4_k(const uint8_t * row, int64_t b, WeightBlock & block);
void read_q5_k(const uint8_t * row, int64_t b, WeightBlock & block);
void read_q6_k(const uint8_t * row, int64_t b, WeightBlock & block);

} // namespace pagoda
