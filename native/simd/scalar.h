// One float as a vector of one lane, for the kernel templates and rows of any length.
#pragma once

#include "ggml.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace pagoda {
namespace {

struct Scalar {
    using V = float;
    static constexpr int LANES = 1;

    static V     zero() { return 0.0f; }
    static V     set1(float x) { return x; }
    static V     load(const float * p) { return *p; }
    static V     load_f16(const uint16_t * p) { return ggml_fp16_to_fp32(*p); }
    static V     load_bf16(const uint16_t * p) { return ggml_bf16_to_fp32({ *p }); }
    static V     load_i8(const int8_t * p) { return *p; }
    static float f16(const uint16_t * p) { return ggml_fp16_to_fp32(*p); }
    static void  store(float * p, V a) { *p = a; }

    static V fma(V a, V b, V c) { return a * b + c; }
    static V add(V a, V b) { return a + b; }
    static V sub(V a, V b) { return a - b; }
    static V mul(V a, V b) { return a * b; }
    static V div(V a, V b) { return a / b; }
    static V max(V a, V b) { return a > b ? a : b; } // b if either is NaN
    static V exp(V x) { return std::exp(x); }

    static float highest(V a) { return a; }
    static float sum(V a) { return a; }
    static void  store_sums(float * out, const V * s) { std::copy(s, s + 4, out); }
};

} // namespace
} // namespace pagoda
