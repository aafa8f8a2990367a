// Kernels for products of packed weights with rows of activations, chosen once for this CPU.
#pragma once

#include "ggml.h"

#include <cstddef>
#include <cstdint>

namespace pagoda {

// Scales that dequantize 32 activations of one row: value = scale * code.
struct ActivationScales {
    float scale;
    float sum;     // scale * sum of the codes
    float halves[2]; // the same sum over columns [0, 16) and [16, 32)
};

// Rows of activations, quantized to 8 bits in blocks of 32: symmetric, codes in [-127, 127].
struct Activations {
    const int8_t *           codes;  // [n_rows, row_blocks * 32]
    const ActivationScales * scales; // [n_rows, row_blocks]
    int64_t                  n_blocks;
    int64_t                  row_blocks;
};

// Rounds up to an odd number, since rows that are a power of two apart would evict each other from the cache.
constexpr int64_t padded_row_blocks(int64_t n_blocks) { return n_blocks | 1; }

// Quantizes one row: src [n_blocks * 32] f32 -> codes, scales
using QuantizeKernel = void (*)(const float * src, int64_t n_blocks, int8_t * codes, ActivationScales * scales);

// Computes the dot products of a panel's rows [0, n_rows) with activation rows [begin, end):
// dst[(i - begin) * stride + r], f32. 1 <= n_rows <= 16.
using PanelKernel = void (*)(const uint8_t * panel, int n_rows, const Activations & x, int64_t begin, int64_t end,
                             float * dst, int64_t stride);

struct ScreenBlock;

// Computes upper bounds of a panel's 16 logits, see matmul/screen.h. Returns true if an estimate raised `best`.
using BoundKernel = bool (*)(const uint8_t * panel, const uint8_t * plane, const int8_t * codes, const ScreenBlock * blocks,
                             int64_t n_blocks, float * bounds, float & best);

struct GemmKernels {
    const char *   name;
    QuantizeKernel quantize;
    PanelKernel (*panel)(ggml_type type); // null for a type that has no kernel
    BoundKernel bound; // for heads in Q8_0
};

// Null if the CPU supports none of the sets or PAGODA_CPU is generic; ggml's own kernels are then used.
const GemmKernels * gemm_kernels();

// One set per file. The caller must make sure that the CPU has the instructions.
extern const GemmKernels gemm_avx2;       // AVX2, FMA, F16C
extern const GemmKernels gemm_avxvnni;    // the same, plus AVX-VNNI
extern const GemmKernels gemm_avx512vnni; // AVX512 F, BW, DQ, VL, VNNI

} // namespace pagoda
