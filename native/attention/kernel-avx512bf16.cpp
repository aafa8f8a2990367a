// The attention kernel with both products in bf16 pairs; sums, softmax and results are f32. Compiled with separate
// flags; called only on CPUs that have these instructions.
//
// Errors, with u = 2^-9 for rounding to bf16: a score has an error of (2 u + u^2) sum |q k|, and a normalized
// weight has twice that as its relative error. A result has an additional u sum w |v| from rounding V and u sum w
// |v - result| from rounding the weights; the rounded weights are also the ones that are summed, so equal values
// stay exact. All other errors are on the order of f32 rounding.
//
// The code for many rows differs from that for few rows, but both round the same values and sum them in the same
// order, so a row gets the same bits in a chunk of a prompt as by itself.

#if defined(__AVX512F__) && defined(__AVX512BF16__)

#include "attention/bf16-rows.h"
#include "attention/bf16-strips.h"

namespace pagoda {
namespace avx512bf16 {
namespace {

template <KvType T>
void attend(const KernelCall & call) {
    if (call.n_rows <= FEW_ROWS) {
        attend_few_rows<T>(call);
    } else {
        attend_in_strips<T>(call);
    }
}

} // namespace
} // namespace avx512bf16

void attention_avx512bf16(const KernelCall & call) {
    using avx512bf16::attend;
    switch (call.kv_type) {
        case KvType::f16:  attend<KvType::f16>(call); break;
        case KvType::bf16: attend<KvType::bf16>(call); break;
        case KvType::f32:  attend<KvType::f32>(call); break;
        case KvType::q8_0: attend<KvType::q8_0>(call); break;
    }
}

} // namespace pagoda

#endif
