// Through the compiler's vector types, as wide as the registers of the floor (AVX2, NEON): wider ones
// are taken apart float by float. On x86-64 the loops are compiled twice and chosen at load.

#include "row-scan.h"

#include <algorithm>
#include <cstring>
#include <limits>

#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__) // choosing at load needs ifunc
#if __GNUC__ >= 12
#define PAGODA_CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define PAGODA_CLONES __attribute__((target_clones("avx2", "default")))
#endif
#else
#define PAGODA_CLONES
#endif
// Inlined into each clone, so that it is compiled for that clone's instruction set.
#define PAGODA_INLINE inline __attribute__((always_inline))

namespace pagoda {

namespace {

#if defined(__x86_64__)
constexpr int   LANES   = 8;
#else
constexpr int   LANES   = 4;
#endif
constexpr float NEG_INF = -std::numeric_limits<float>::infinity();

typedef float   Floats __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t Ints __attribute__((vector_size(LANES * sizeof(int32_t))));

static_assert(ROW_BLOCK % LANES == 0, "a block is a whole number of vectors");

PAGODA_INLINE void load(const float * x, Floats & to) { std::memcpy(&to, x, sizeof(to)); }

// sum += e^t with t = (x - max) * scale held in [-87, 0], 0 at the lower end and for NaN.
// e^t = 2^k * e^r with |r| <= ln(2) / 2 and e^r as its Taylor polynomial.
PAGODA_INLINE void add_exp(const Floats & x, float max, float scale, Floats & sum) {
    Floats t = (x - max) * scale;
    t = t > -87.0f ? t : Floats{} - 87.0f;
    t = t < 0.0f ? t : Floats{};
    const Ints   k  = __builtin_convertvector(t * 1.44269504f - 0.5f, Ints); // the nearest, since t <= 0
    const Floats kf = __builtin_convertvector(k, Floats);
    const Floats r  = (t - kf * 0.693359375f) + kf * 2.12194440e-4f;
    Floats p = r * (1.0f / 720) + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    const Floats e = p * (Floats) ((k + 127) << 23);
    sum += t > -87.0f ? e : Floats{};
}

// maxima[b] of n_blocks full blocks; returns whether any value is NaN.
PAGODA_CLONES bool scan_blocks(const float * x, int n_blocks, float * maxima) {
    Ints magnitude = {}; // the highest bit patterns without sign: a NaN's is above infinity's
    for (int b = 0; b < n_blocks; ++b) {
        Floats best = Floats{} + NEG_INF;
        for (int i = 0; i < ROW_BLOCK; i += LANES, x += LANES) {
            Floats v;
            load(x, v);
            best = v > best ? v : best;
            const Ints bits = (Ints) v & 0x7fffffff;
            magnitude = bits > magnitude ? bits : magnitude;
        }
        float highest = best[0];
        for (int lane = 1; lane < LANES; ++lane) {
            highest = best[lane] > highest ? best[lane] : highest;
        }
        maxima[b] = highest;
    }
    bool has_nan = false;
    for (int lane = 0; lane < LANES; ++lane) {
        has_nan |= magnitude[lane] > 0x7f800000;
    }
    return has_nan;
}

// sums[b] of n_blocks full blocks.
PAGODA_CLONES void exp_blocks(const float * x, int n_blocks, float max, float scale, float * sums) {
    for (int b = 0; b < n_blocks; ++b) {
        Floats sum = {};
        for (int i = 0; i < ROW_BLOCK; i += LANES, x += LANES) {
            Floats v;
            load(x, v);
            add_exp(v, max, scale, sum);
        }
        float total = 0;
        for (int lane = 0; lane < LANES; ++lane) {
            total += sum[lane];
        }
        sums[b] = total;
    }
}

PAGODA_CLONES int32_t count_greater_in(const float * x, int n, float value) {
    int32_t count = 0;
    for (int i = 0; i < n; ++i) {
        count += x[i] > value ? 1 : 0;
    }
    return count;
}

// The values after the last full block, filled up with -inf to a whole one.
struct Tail {
    float x[ROW_BLOCK];

    explicit Tail(Row row) {
        const int begin = row.n / ROW_BLOCK * ROW_BLOCK;
        std::fill(std::copy(row.x + begin, row.x + row.n, x), x + ROW_BLOCK, NEG_INF);
    }
};

} // namespace

void scan_row(Row row, RowScan & scan) {
    scan.maxima.resize(row.blocks());
    const int full = row.n / ROW_BLOCK;
    scan.has_nan = scan_blocks(row.x, full, scan.maxima.data());
    if (full < row.blocks()) {
        scan.has_nan |= scan_blocks(Tail(row).x, 1, &scan.maxima[full]);
    }
    scan.max = *std::max_element(scan.maxima.begin(), scan.maxima.end());
}

int32_t argmax(Row row, const RowScan & scan) {
    const auto block = (int32_t) (std::find(scan.maxima.begin(), scan.maxima.end(), scan.max) - scan.maxima.begin());
    const float * begin = row.x + block * ROW_BLOCK;
    const float * end   = row.x + row.block_end(block);
    const float * found = std::find(begin, end, scan.max);
    return found == end ? 0 : (int32_t) (found - row.x);
}

double exp_sums(Row row, float max, float scale, std::vector<float> & sums) {
    sums.resize(row.blocks());
    const int full = row.n / ROW_BLOCK;
    exp_blocks(row.x, full, max, scale, sums.data());
    if (full < row.blocks()) {
        exp_blocks(Tail(row).x, 1, max, scale, &sums[full]);
    }
    double total = 0;
    for (float sum : sums) {
        total += sum;
    }
    return total;
}

int32_t count_greater(Row row, float value) { return count_greater_in(row.x, row.n, value); }

} // namespace pagoda
