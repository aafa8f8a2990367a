// The sampling loops that touch every value, written once over a vector type and compiled for each instruction set.
// All sets produce the same bits: every sum goes through 16 lanes in one order, independent of the width of V, and
// no multiplication is fused with an addition (the files are compiled with -ffp-contract=off). The same logits
// therefore yield the same token on every CPU.
#pragma once

#include <cstdint>
#include <limits>

namespace pagoda {

constexpr int   ROW_BLOCK = 64;
constexpr int   SUM_LANES = 16;
constexpr float NEG_INF   = -std::numeric_limits<float>::infinity();

// Result of compact(), which writes x and w in place, in order.
struct Compacted {
    int32_t n;
    float   min;
    float   max;
};

// Arrays hold whole blocks. Outputs of collect() and compact() need room for one block beyond the kept values,
// since whole vectors are stored.
struct RowKernels {
    // maxima[b] = maximum of each block; a NaN is never a maximum. Returns true if any value is NaN.
    bool (*scan)(const float * x, int32_t n_blocks, float * maxima);

    // w[i] = exp((x[i] - max) * scale), with exponents capped at 0 and w = 0 for those below -86.6, and sums[b] =
    // sum of w over each block. The error of an exponent e is less than |e| * 1e-7, so the relative error of heavy
    // weights and sums is less than 1e-6. `w` can be null.
    void (*weigh)(const float * x, int32_t n_blocks, float max, float scale, float * w, float * sums);

    // Returns the number of x greater than `value`. Skips blocks whose maximum is not greater.
    int32_t (*count_greater)(const float * x, int32_t n_blocks, const float * maxima, float value);

    // Writes all values of at least `bound` and their indices, counted from `first`, ascending. Skips blocks whose
    // maximum is below `bound`. Returns the number of values.
    int32_t (*collect)(const float * x, int32_t first, int32_t n_blocks, const float * maxima, float bound, float * values, int32_t * ids);

    // Sum of w where x > pivot.
    double (*mass_above)(const float * x, const float * w, int32_t n_blocks, float pivot);

    // w = 0 where x < bound, and sums[b] = sum of w over each block. Returns the number of x equal to the bound.
    int32_t (*cut)(const float * x, float * w, int32_t n_blocks, float bound, float * sums);

    // Keeps the pairs with x > pivot if `above`, otherwise those with x <= pivot.
    Compacted (*compact)(float * x, float * w, int32_t n_blocks, float pivot, bool above);
};

const RowKernels & row_kernels_generic();
const RowKernels & row_kernels_avx2();   // AVX2
const RowKernels & row_kernels_avx512(); // AVX512 F

// Simd: a vector type of simd/, with LANES floats V and a mask M. Its sum16() adds lanes i and i + 8, then sums
// that are 4, 2 and 1 apart.
template <class Simd> struct RowLoops {
    using V = typename Simd::V;
    using M = typename Simd::M;
    static constexpr int W = Simd::LANES;
    static constexpr int N = SUM_LANES / W; // vectors that make up the 16 lanes

    static_assert(SUM_LANES % W == 0 && ROW_BLOCK % SUM_LANES == 0, "lanes and blocks are whole vectors");

    static bool scan(const float * x, int32_t n_blocks, float * maxima) {
        M nan = Simd::none();
        for (int32_t b = 0; b < n_blocks; ++b) {
            V best = Simd::set1(NEG_INF);
            for (int i = 0; i < ROW_BLOCK; i += 2 * W, x += 2 * W) {
                const V u = Simd::load(x), v = Simd::load(x + W);
                best = Simd::max(v, Simd::max(u, best));
                nan  = Simd::either(nan, Simd::unordered(u, v));
            }
            maxima[b] = Simd::highest(best);
        }
        return Simd::any(nan);
    }

    // 2^t = 2^k * 2^f with |f| <= 1/2. Adding 1.5 * 2^23 rounds t to a whole k and leaves it in the low bits.
    // 2^f is 1 + f times a minimax polynomial of relative error 1e-7, so 2^0 is exactly 1.
    static constexpr float C1 = 0.693146976f, C2 = 0.240222405f, C3 = 0.055507350f, C4 = 0.009671619f, C5 = 0.001326459f;

    static V weight(V x, V max, V scale) {
        const V low = Simd::set1(-125.0f), magic = Simd::set1(12582912.0f), one = Simd::set1(1.0f);
        const V t = Simd::min(Simd::max(Simd::mul(Simd::sub(x, max), scale), low), Simd::set1(0.0f));
        const V z = Simd::add(t, magic);
        const V f = Simd::sub(t, Simd::sub(z, magic));
        V p = Simd::add(Simd::mul(f, Simd::set1(C5)), Simd::set1(C4));
        p = Simd::add(Simd::mul(p, f), Simd::set1(C3));
        p = Simd::add(Simd::mul(p, f), Simd::set1(C2));
        p = Simd::add(Simd::mul(p, f), Simd::set1(C1));
        p = Simd::add(Simd::mul(p, f), one);
        return Simd::where(Simd::greater(t, low), Simd::add_to_exponent(p, z));
    }

    static void weigh(const float * x, int32_t n_blocks, float max, float scale, float * w, float * sums) {
        const V vmax = Simd::set1(max), vscale = Simd::set1(scale * 1.44269504f); // for powers of two
        for (int32_t b = 0; b < n_blocks; ++b) {
            V lanes[N];
            for (int i = 0; i < ROW_BLOCK; i += W, x += W) {
                const V e = weight(Simd::load(x), vmax, vscale);
                V & lane  = lanes[i / W % N];
                lane      = i < SUM_LANES ? e : Simd::add(lane, e);
                if (w) {
                    Simd::store(w + (int64_t) b * ROW_BLOCK + i, e);
                }
            }
            sums[b] = Simd::sum16(lanes);
        }
    }

    static int32_t count_greater(const float * x, int32_t n_blocks, const float * maxima, float value) {
        const V bound = Simd::set1(value);
        int32_t count = 0;
        for (int32_t b = 0; b < n_blocks; ++b) {
            for (int i = 0; i < ROW_BLOCK && maxima[b] > value; i += W) {
                count += Simd::count(Simd::greater(Simd::load(x + b * ROW_BLOCK + i), bound));
            }
        }
        return count;
    }

    static int32_t collect(const float * x, int32_t first, int32_t n_blocks, const float * maxima, float bound, float * values, int32_t * ids) {
        const V vbound = Simd::set1(bound);
        int32_t count = 0;
        for (int32_t b = 0; b < n_blocks; ++b) {
            if (!(maxima[b] >= bound)) {
                continue;
            }
            for (int i = 0; i < ROW_BLOCK; i += W) {
                const int32_t at = b * ROW_BLOCK + i;
                const V v = Simd::load(x + at);
                const M kept = Simd::at_least(v, vbound);
                Simd::store_kept(values + count, kept, v);
                Simd::store_kept_indices(ids + count, kept, first + at);
                count += Simd::count(kept);
            }
        }
        return count;
    }

    static double mass_above(const float * x, const float * w, int32_t n_blocks, float pivot) {
        const V vpivot = Simd::set1(pivot);
        double mass = 0;
        for (int32_t b = 0; b < n_blocks; ++b, x += ROW_BLOCK, w += ROW_BLOCK) {
            V lanes[N];
            for (int i = 0; i < ROW_BLOCK; i += W) {
                const V e = Simd::where(Simd::greater(Simd::load(x + i), vpivot), Simd::load(w + i));
                V & lane  = lanes[i / W % N];
                lane      = i < SUM_LANES ? e : Simd::add(lane, e);
            }
            mass += Simd::sum16(lanes);
        }
        return mass;
    }

    static int32_t cut(const float * x, float * w, int32_t n_blocks, float bound, float * sums) {
        const V vbound = Simd::set1(bound);
        int32_t ties = 0;
        for (int32_t b = 0; b < n_blocks; ++b, x += ROW_BLOCK, w += ROW_BLOCK) {
            V lanes[N];
            for (int i = 0; i < ROW_BLOCK; i += W) {
                const V v = Simd::load(x + i);
                const V e = Simd::where(Simd::at_least(v, vbound), Simd::load(w + i));
                Simd::store(w + i, e);
                V & lane = lanes[i / W % N];
                lane     = i < SUM_LANES ? e : Simd::add(lane, e);
                ties    += Simd::count(Simd::equal(v, vbound));
            }
            sums[b] = Simd::sum16(lanes);
        }
        return ties;
    }

    static Compacted compact(float * x, float * w, int32_t n_blocks, float pivot, bool above) {
        const V vpivot = Simd::set1(pivot), lowest = Simd::set1(NEG_INF), highest = Simd::set1(-NEG_INF);
        V max = lowest, min = highest;
        int32_t count = 0;
        for (int64_t i = 0; i < (int64_t) n_blocks * ROW_BLOCK; i += W) {
            const V v = Simd::load(x + i), e = Simd::load(w + i);
            const M kept = above ? Simd::greater(v, vpivot) : Simd::at_most(v, vpivot);
            max = Simd::max(Simd::select(kept, v, lowest), max);
            min = Simd::min(Simd::select(kept, v, highest), min);
            Simd::store_kept(x + count, kept, v);
            Simd::store_kept(w + count, kept, e);
            count += Simd::count(kept);
        }
        return { count, Simd::lowest(min), Simd::highest(max) };
    }

    static const RowKernels & table() {
        static const RowKernels kernels = { scan, weigh, count_greater, collect, mass_above, cut, compact };
        return kernels;
    }
};

} // namespace pagoda
