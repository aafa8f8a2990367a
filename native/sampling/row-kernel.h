// The loops of sampling that touch every value, written once over a vector type V and compiled for each
// instruction set. All sets give the same bits: every sum goes through 16 lanes in one order, whatever
// the width of V, and no multiplication is fused with an addition (the files are compiled with
// -ffp-contract=off). So a token does not depend on the CPU, given the logits.
#pragma once

#include <cstdint>
#include <limits>

namespace pagoda {

constexpr int   ROW_BLOCK = 64;
constexpr int   SUM_LANES = 16;
constexpr float NEG_INF   = -std::numeric_limits<float>::infinity();

// What compact() left: x and w are written in place, in order.
struct Compacted {
    int32_t n;
    float   min;
    float   max;
};

// Arrays hold whole blocks. Outputs of collect() and compact() need room for one block more than is
// kept: vectors are stored whole.
struct RowKernels {
    // maxima[b] over each block; a NaN is never a maximum. Returns whether any value is NaN.
    bool (*scan)(const float * x, int32_t n_blocks, float * maxima);

    // w[i] = exp((x[i] - max) * scale), exponents held in [-86.6, 0] and 0 below, and sums[b] over each
    // block. An exponent e is off by less than |e| * 1e-7, so that heavy weights and sums are off by less
    // than 1e-6 of themselves. `w` may be null.
    void (*weigh)(const float * x, int32_t n_blocks, float max, float scale, float * w, float * sums);

    // Blocks whose maximum is not greater are skipped, here and in collect().
    int32_t (*count_greater)(const float * x, int32_t n_blocks, const float * maxima, float value);

    // All values of at least `bound` with their indices from `first` on, ascending. Returns how many.
    int32_t (*collect)(const float * x, int32_t first, int32_t n_blocks, const float * maxima, float bound, float * values, int32_t * ids);

    // Sum of w over x > pivot.
    double (*mass_above)(const float * x, const float * w, int32_t n_blocks, float pivot);

    // w = 0 where x < bound, and sums[b] over each block of w. Returns how many x equal the bound.
    int32_t (*cut)(const float * x, float * w, int32_t n_blocks, float bound, float * sums);

    // Keeps the pairs with x > pivot, else those with x <= pivot.
    Compacted (*compact)(float * x, float * w, int32_t n_blocks, float pivot, bool above);
};

const RowKernels & row_kernels_generic();
const RowKernels & row_kernels_avx2();   // AVX2
const RowKernels & row_kernels_avx512(); // AVX512 F

// V: W lanes of float F with a mask type M; see the files of the sets. sum16() adds lane i and lane i + 8,
// then what is 4, 2 and 1 apart.
template <class V> struct RowLoops {
    using F = typename V::F;
    using M = typename V::M;
    static constexpr int W = V::W;
    static constexpr int N = SUM_LANES / W; // vectors that make up the 16 lanes

    static_assert(SUM_LANES % W == 0 && ROW_BLOCK % SUM_LANES == 0, "lanes and blocks are whole vectors");

    static bool scan(const float * x, int32_t n_blocks, float * maxima) {
        M nan = V::none();
        for (int32_t b = 0; b < n_blocks; ++b) {
            F best = V::set1(NEG_INF);
            for (int i = 0; i < ROW_BLOCK; i += 2 * W, x += 2 * W) {
                const F u = V::load(x), v = V::load(x + W);
                best = V::max(v, V::max(u, best));
                nan  = V::either(nan, V::unordered(u, v));
            }
            maxima[b] = V::highest(best);
        }
        return V::any(nan);
    }

    // 2^t = 2^k * 2^f with |f| <= 1/2. Adding 1.5 * 2^23 rounds t to a whole k and leaves it in the low bits.
    // 2^f is 1 + f times a polynomial with the least largest relative error, 1e-7: so 2^0 is 1.
    static constexpr float C1 = 0.693146976f, C2 = 0.240222405f, C3 = 0.055507350f, C4 = 0.009671619f, C5 = 0.001326459f;

    static F weight(F x, F max, F scale) {
        const F low = V::set1(-125.0f), magic = V::set1(12582912.0f), one = V::set1(1.0f);
        const F t = V::min(V::max(V::mul(V::sub(x, max), scale), low), V::set1(0.0f));
        const F z = V::add(t, magic);
        const F f = V::sub(t, V::sub(z, magic));
        F p = V::add(V::mul(f, V::set1(C5)), V::set1(C4));
        p = V::add(V::mul(p, f), V::set1(C3));
        p = V::add(V::mul(p, f), V::set1(C2));
        p = V::add(V::mul(p, f), V::set1(C1));
        p = V::add(V::mul(p, f), one);
        return V::where(V::greater(t, low), V::add_to_exponent(p, z));
    }

    static void weigh(const float * x, int32_t n_blocks, float max, float scale, float * w, float * sums) {
        const F vmax = V::set1(max), vscale = V::set1(scale * 1.44269504f); // to powers of two
        for (int32_t b = 0; b < n_blocks; ++b) {
            F lanes[N];
            for (int i = 0; i < ROW_BLOCK; i += W, x += W) {
                const F e = weight(V::load(x), vmax, vscale);
                F & lane  = lanes[i / W % N];
                lane      = i < SUM_LANES ? e : V::add(lane, e);
                if (w) {
                    V::store(w + (int64_t) b * ROW_BLOCK + i, e);
                }
            }
            sums[b] = V::sum16(lanes);
        }
    }

    static int32_t count_greater(const float * x, int32_t n_blocks, const float * maxima, float value) {
        const F bound = V::set1(value);
        int32_t count = 0;
        for (int32_t b = 0; b < n_blocks; ++b) {
            for (int i = 0; i < ROW_BLOCK && maxima[b] > value; i += W) {
                count += V::count(V::greater(V::load(x + b * ROW_BLOCK + i), bound));
            }
        }
        return count;
    }

    static int32_t collect(const float * x, int32_t first, int32_t n_blocks, const float * maxima, float bound, float * values, int32_t * ids) {
        const F vbound = V::set1(bound);
        int32_t count = 0;
        for (int32_t b = 0; b < n_blocks; ++b) {
            if (!(maxima[b] >= bound)) {
                continue;
            }
            for (int i = 0; i < ROW_BLOCK; i += W) {
                const int32_t at = b * ROW_BLOCK + i;
                const F v = V::load(x + at);
                const M kept = V::at_least(v, vbound);
                V::store_kept(values + count, kept, v);
                V::store_kept_indices(ids + count, kept, first + at);
                count += V::count(kept);
            }
        }
        return count;
    }

    static double mass_above(const float * x, const float * w, int32_t n_blocks, float pivot) {
        const F vpivot = V::set1(pivot);
        double mass = 0;
        for (int32_t b = 0; b < n_blocks; ++b, x += ROW_BLOCK, w += ROW_BLOCK) {
            F lanes[N];
            for (int i = 0; i < ROW_BLOCK; i += W) {
                const F e = V::where(V::greater(V::load(x + i), vpivot), V::load(w + i));
                F & lane  = lanes[i / W % N];
                lane      = i < SUM_LANES ? e : V::add(lane, e);
            }
            mass += V::sum16(lanes);
        }
        return mass;
    }

    static int32_t cut(const float * x, float * w, int32_t n_blocks, float bound, float * sums) {
        const F vbound = V::set1(bound);
        int32_t ties = 0;
        for (int32_t b = 0; b < n_blocks; ++b, x += ROW_BLOCK, w += ROW_BLOCK) {
            F lanes[N];
            for (int i = 0; i < ROW_BLOCK; i += W) {
                const F v = V::load(x + i);
                const F e = V::where(V::at_least(v, vbound), V::load(w + i));
                V::store(w + i, e);
                F & lane = lanes[i / W % N];
                lane     = i < SUM_LANES ? e : V::add(lane, e);
                ties    += V::count(V::equal(v, vbound));
            }
            sums[b] = V::sum16(lanes);
        }
        return ties;
    }

    static Compacted compact(float * x, float * w, int32_t n_blocks, float pivot, bool above) {
        const F vpivot = V::set1(pivot), lowest = V::set1(NEG_INF), highest = V::set1(-NEG_INF);
        F max = lowest, min = highest;
        int32_t count = 0;
        for (int64_t i = 0; i < (int64_t) n_blocks * ROW_BLOCK; i += W) {
            const F v = V::load(x + i), e = V::load(w + i);
            const M kept = above ? V::greater(v, vpivot) : V::at_most(v, vpivot);
            max = V::max(V::select(kept, v, lowest), max);
            min = V::min(V::select(kept, v, highest), min);
            V::store_kept(x + count, kept, v);
            V::store_kept(w + count, kept, e);
            count += V::count(kept);
        }
        return { count, V::lowest(min), V::highest(max) };
    }

    static const RowKernels & table() {
        static const RowKernels kernels = { scan, weigh, count_greater, collect, mass_above, cut, compact };
        return kernels;
    }
};

} // namespace pagoda
