// Vectors of 4 floats for the kernel templates, with the compiler's vector extension, which works on every CPU.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace pagoda {
namespace {

struct Generic {
    typedef float   V __attribute__((vector_size(16)));
    typedef int32_t I __attribute__((vector_size(16)));
    using M = I; // all bits of a lane are set, or none
    static constexpr int LANES = 4;

    static V load(const float * p) {
        V a;
        std::memcpy(&a, p, sizeof(a));
        return a;
    }
    static void store(float * p, V a) { std::memcpy(p, &a, sizeof(a)); }
    static V    set1(float a) { return V{ a, a, a, a }; }
    static V    add(V a, V b) { return a + b; }
    static V    sub(V a, V b) { return a - b; }
    static V    mul(V a, V b) { return a * b; }
    static V    max(V a, V b) { return a > b ? a : b; } // b if either is NaN
    static V    min(V a, V b) { return a < b ? a : b; }
    static V    add_to_exponent(V a, V k) { return (V) ((I) a + ((I) k << 23)); }

    static M    none() { return M{}; }
    static M    either(M a, M b) { return a | b; }
    static bool any(M a) { return (a[0] | a[1] | a[2] | a[3]) != 0; }
    static int  count(M a) { return -(a[0] + a[1] + a[2] + a[3]); }
    static M    unordered(V a, V b) { return (a != a) | (b != b); }
    static M    greater(V a, V b) { return a > b; }
    static M    at_least(V a, V b) { return a >= b; }
    static M    at_most(V a, V b) { return a <= b; }
    static M    equal(V a, V b) { return a == b; }
    static V    where(M m, V a) { return (V) (m & (I) a); }
    static V    select(M m, V a, V b) { return m ? a : b; }

    template <class T, class A> static void store_lanes(T * p, M m, A a) {
        for (int lane = 0; lane < LANES; ++lane) {
            *p = a[lane];
            p -= m[lane];
        }
    }
    static void store_kept(float * p, M m, V a) { store_lanes(p, m, a); }
    static void store_kept_indices(int32_t * p, M m, int32_t first) { store_lanes(p, m, I{ 0, 1, 2, 3 } + first); }

    static float highest(V a) { return std::max(std::max(a[0], a[2]), std::max(a[1], a[3])); }
    static float lowest(V a) { return std::min(std::min(a[0], a[2]), std::min(a[1], a[3])); }

    // Sum of 16 lanes, in the same order in all sets.
    static float sum16(const V * lanes) {
        const V s = (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
        return (s[0] + s[2]) + (s[1] + s[3]);
    }
};

} // namespace
} // namespace pagoda
