// The attention kernel with one lane, for any CPU and any head size.

#include "attention/kernel.h"
#include "simd/scalar.h"

namespace pagoda {
namespace {

struct ScalarTiles : Scalar {
    static constexpr int ROWS    = 4;
    static constexpr int COLUMNS = 8;
};

} // namespace

void attention_generic(const KernelCall & call) { attention<ScalarTiles>(call); }

} // namespace pagoda
