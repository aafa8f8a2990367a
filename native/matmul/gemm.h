// Products of packed weights with rows of activations: the kernels for this CPU, chosen once.
#pragma once

#include "ggml.h"

#include <cstddef>
#include <cstdint>

namespace pagoda {

// What undoes the quantisation of 32 activations of one row: value = scale * code.
struct ActivationScales {
    float scale;
    float sum;     // scale * sum of the codes
    float halves[2]; // the same sum over columns [0, 16) and [16, 32)
};

// Rows of activations in 8 bits, quantised in blocks of 32: symmetric, codes in [-127, 127].
struct Activations {
    const int8_t *           codes;  // [n_rows, row_blocks * 32]
    const ActivationScales * scales; // [n_rows, row_blocks]
    int64_t                  n_blocks;
    int64_t                  row_blocks;
};

// An odd number: rows that lie a power of two apart would push each other out of the cache.
constexpr int64_t padded_row_blocks(int64_t n_blocks) { return n_blocks | 1; }

// src [n_blocks * 32] f32 -> codes, scales of one row
using QuantizeKernel = void (*)(const float * src, int64_t n_blocks, int8_t * codes, ActivationScales * scales);

// The dot products of a panel's rows [0, n_rows) with activation rows [begin, end):
// dst[(i - begin) * stride + r], f32. 1 <= n_rows <= 16.
using PanelKernel = void (*)(const uint8_t * panel, int n_rows, const Activations & x, int64_t begin, int64_t end,
                             float * dst, int64_t stride);

struct ScreenBlock;

// Upper bounds of a panel's 16 logits, see matmul/screen.h. Returns whether an estimate is above `best`, and raises it.
using BoundKernel = bool (*)(const uint8_t * panel, const uint8_t * plane, const int8_t * codes, const ScreenBlock * blocks,
                             int64_t n_blocks, float * bounds, float & best);

struct GemmKernels {
    const char *   name;
    QuantizeKernel quantize;
    PanelKernel (*panel)(ggml_type type); // null for a type that has no kernel
    BoundKernel bound; // of heads in Q8_0
};

// Null where no set fits the CPU, or PAGODA_CPU=generic: then ggml's own kernels serve.
const GemmKernels * gemm_kernels();

// One set a file. The caller makes sure that the CPU has the instructions.
extern const GemmKernels gemm_avx2;       // AVX2, FMA, F16C
extern const GemmKernels gemm_avxvnni;    // and AVX-VNNI
extern const GemmKernels gemm_avx512vnni; // AVX512 F, BW, DQ, VL, VNNI

} // namespace pagoda
