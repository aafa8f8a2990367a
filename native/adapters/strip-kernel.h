// The kernel's template. A tile of ROWS rows by STRIPS strips keeps its sums in registers, and each weight is loaded once for
// all rows. If there are only a few rows, several strips are computed at a time, so that there are enough independent
// sums.
#pragma once

#include "adapters/strip-matrix.h"
#include "adapters/strips.h"

#include <algorithm>

namespace pagoda {
namespace {

// Distance, in bytes, at which weights are prefetched, since CPUs do not prefetch across pages by themselves. Past the end
// of a matrix, it reaches the next matrix that the step reads.
constexpr int AHEAD = 1536;

// S: vectors, with TILE = largest number of rows times strips in a tile.
template <class S, bool ADDS> struct StripLoops {
    using V = typename S::V;
    static constexpr int PARTS = STRIP_OUTPUTS / S::LANES; // vectors per strip

    template <int ROWS, int STRIPS> static void tile(const StripCall & call, int row, int strip) {
        const int64_t    n       = call.n_inputs;
        const uint16_t * weights = call.strips + strip * STRIP_OUTPUTS;
        const float *    x[ROWS];
        for (int r = 0; r < ROWS; ++r) {
            x[r] = call.x[row + r] + (int64_t) strip * call.x_step;
        }
        V sums[STRIPS][ROWS][PARTS];
        for (auto & of_strip : sums) {
            for (auto & of_row : of_strip) {
                for (V & sum : of_row) {
                    sum = S::zero();
                }
            }
        }
        for (int64_t i = 0; i < n; ++i, weights += call.step) {
            if constexpr (ROWS <= 2) {
                for (int line = 0; line < STRIPS * STRIP_OUTPUTS * (int) sizeof(*weights); line += 64) {
                    __builtin_prefetch((const char *) weights + AHEAD + line);
                }
            }
            for (int s = 0; s < STRIPS; ++s) {
                for (int p = 0; p < PARTS; ++p) {
                    const V w = S::load_f16(weights + s * STRIP_OUTPUTS + p * S::LANES);
                    for (int r = 0; r < ROWS; ++r) {
                        sums[s][r][p] = S::fma(w, S::set1(x[r][(int64_t) s * call.x_step + i]), sums[s][r][p]);
                    }
                }
            }
        }
        for (int s = 0; s < STRIPS; ++s) {
            for (int r = 0; r < ROWS; ++r) {
                float * out = call.out[row + r] + (strip + s) * STRIP_OUTPUTS;
                for (int p = 0; p < PARTS; ++p, out += S::LANES) {
                    S::store(out, ADDS ? S::add(S::load(out), sums[s][r][p]) : sums[s][r][p]);
                }
            }
        }
    }

    // Computes strips starting at `strip`, STRIPS at a time while there are enough, then fewer.
    template <int ROWS, int STRIPS> static void strips(const StripCall & call, int row, int strip) {
        for (; strip + STRIPS <= call.n_strips; strip += STRIPS) {
            tile<ROWS, STRIPS>(call, row, strip);
        }
        if constexpr (STRIPS > 1) {
            strips<ROWS, STRIPS / 2>(call, row, strip);
        }
    }

    template <int ROWS> static void rows(const StripCall & call, int row) {
        for (; row + ROWS <= call.n_rows; row += ROWS) {
            strips<ROWS, std::min(GROUP_STRIPS, S::TILE / ROWS)>(call, row, 0);
        }
        if constexpr (ROWS > 1) {
            rows<ROWS / 2>(call, row);
        }
    }

    static void compute(const StripCall & call) { rows<S::TILE>(call, 0); }
};

template <class S> constexpr StripKernels strip_kernels_of(const char * name) {
    return { name, StripLoops<S, false>::compute, StripLoops<S, true>::compute };
}

} // namespace
} // namespace pagoda
