// The loops through the compiler's vectors of 4 lanes: what every x86-64 and ARM CPU has.

#include "sampling/row-kernel.h"

#include <algorithm>
#include <cstring>

namespace pagoda {
namespace {

struct Generic {
    typedef float   F __attribute__((vector_size(16)));
    typedef int32_t I __attribute__((vector_size(16)));
    using M = I; // all bits of a lane, or none
    static constexpr int W = 4;

    static F load(const float * p) {
        F a;
        std::memcpy(&a, p, sizeof(a));
        return a;
    }
    static void store(float * p, F a) { std::memcpy(p, &a, sizeof(a)); }
    static F    set1(float a) { return F{ a, a, a, a }; }
    static F    add(F a, F b) { return a + b; }
    static F    sub(F a, F b) { return a - b; }
    static F    mul(F a, F b) { return a * b; }
    static F    max(F a, F b) { return a > b ? a : b; } // b where one is NaN
    static F    min(F a, F b) { return a < b ? a : b; }
    static F    add_to_exponent(F a, F k) { return (F) ((I) a + ((I) k << 23)); }

    static M    none() { return M{}; }
    static M    either(M a, M b) { return a | b; }
    static bool any(M a) { return (a[0] | a[1] | a[2] | a[3]) != 0; }
    static int  count(M a) { return -(a[0] + a[1] + a[2] + a[3]); }
    static M    unordered(F a, F b) { return (a != a) | (b != b); }
    static M    greater(F a, F b) { return a > b; }
    static M    at_least(F a, F b) { return a >= b; }
    static M    at_most(F a, F b) { return a <= b; }
    static M    equal(F a, F b) { return a == b; }
    static F    where(M m, F a) { return (F) (m & (I) a); }
    static F    select(M m, F a, F b) { return m ? a : b; }

    template <class T, class A> static void store_lanes(T * p, M m, A a) {
        for (int lane = 0; lane < W; ++lane) {
            *p = a[lane];
            p -= m[lane];
        }
    }
    static void store_kept(float * p, M m, F a) { store_lanes(p, m, a); }
    static void store_kept_indices(int32_t * p, M m, int32_t first) { store_lanes(p, m, I{ 0, 1, 2, 3 } + first); }

    static float highest(F a) { return std::max(std::max(a[0], a[2]), std::max(a[1], a[3])); }
    static float lowest(F a) { return std::min(std::min(a[0], a[2]), std::min(a[1], a[3])); }

    static float sum16(const F * lanes) {
        const F s = (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
        return (s[0] + s[2]) + (s[1] + s[3]);
    }
};

} // namespace

const RowKernels & row_kernels_generic() { return RowLoops<Generic>::table(); }

} // namespace pagoda
