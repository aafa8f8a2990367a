// The strip kernels with one lane, for any CPU.

#include "adapters/strip-kernel.h"
#include "simd/scalar.h"

namespace pagoda {
namespace {

struct ScalarStrips : Scalar {
    static constexpr int TILE = 2;
};

} // namespace

const StripKernels strips_generic = strip_kernels_of<ScalarStrips>("generic");

} // namespace pagoda
