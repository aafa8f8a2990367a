// The attention kernel with one lane: for every CPU and every head size.

#include "attention/kernel.h"

#include "ggml.h"

namespace pagoda {
namespace {

struct Scalar {
    using V = float;
    static constexpr int W       = 1;
    static constexpr int ROWS    = 4;
    static constexpr int COLUMNS = 8;

    static V     zero() { return 0.0f; }
    static V     set1(float x) { return x; }
    static V     load(const float * p) { return *p; }
    static V     load_f16(const uint16_t * p) { return ggml_fp16_to_fp32(*p); }
    static V     load_bf16(const uint16_t * p) { return ggml_bf16_to_fp32({ *p }); }
    static V     load_q8(const char * block, int i) {
        return (float) ((const int8_t *) block)[2 + i] * ggml_fp16_to_fp32(*(const uint16_t *) block);
    }
    static void  store(float * p, V x) { *p = x; }
    static V     fma(V a, V b, V c) { return a * b + c; }
    static V     mul(V a, V b) { return a * b; }
    static V     add(V a, V b) { return a + b; }
    static V     sub(V a, V b) { return a - b; }
    static V     div(V a, V b) { return a / b; }
    static V     max(V a, V b) { return a > b ? a : b; }
    static V     exp(V x) { return std::exp(x); }
    static float hsum(V a) { return a; }
    static float hmax(V a) { return a; }
    static void  store_sums(float * out, const V * s) { std::copy(s, s + TOKEN_TILE, out); }
};

} // namespace

void attention_generic(const KernelCall & call) { attention<Scalar>(call); }

} // namespace pagoda
