// Prepares a row's activations for the bounds and runs the two passes. The loop over columns is in
// matmul/screen-kernel.h.

#include "matmul/screen.h"

#include "matmul/packed-weights.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace pagoda {

namespace {

constexpr float  NEG_INF        = -std::numeric_limits<float>::infinity();
constexpr float  SMALLEST_SCALE = 1e-20f, LARGEST_SCALE = 1e20f;
constexpr double MIDDLE         = 3.5; // middle of the range of L

// Returns a float that is not below x.
float rounded_up(double x) { return std::nextafter((float) x, std::numeric_limits<float>::infinity()); }

} // namespace

bool Screen::prepare(const Activations & x) {
    const double n_roundings = 2.0 * x.n_blocks + 3;
    const double roundings   = n_roundings * 0x1.0p-24 / (1 - n_roundings * 0x1.0p-24) * 800;
    best_estimate = NEG_INF;
    best_panel    = 0;
    blocks.clear();
    for (int64_t b = 0; b < x.n_blocks; ++b) {
        const double scale = x.scales[b].scale;
        if (scale != 0 && !(scale >= SMALLEST_SCALE && scale <= LARGEST_SCALE)) {
            return false;
        }
        int sum = 0, size = 0;
        std::for_each(x.codes + b * BLOCK_COLS, x.codes + (b + 1) * BLOCK_COLS, [&](int code) {
            sum += code;
            size += std::abs(code);
        });
        blocks.push_back({ (float) (8 * scale), (float) ((MIDDLE - FormatQ8_0::ZERO) * scale * sum),
                           rounded_up((MIDDLE + roundings) * scale * size) });
    }
    return true;
}

int ScreenedHead::rows_of(int64_t panel) const { return (int) std::min<int64_t>(PANEL_ROWS, n_logits - panel * PANEL_ROWS); }

const uint8_t * ScreenedHead::high_bits(int64_t panel) const { return plane + panel * x.n_blocks * HighBits::CODE_BYTES; }

uint32_t ScreenedHead::allowed_rows(int64_t panel) const {
    static_assert(32 % PANEL_ROWS == 0 && PANEL_ROWS < 32, "a panel's rows are in one word of the mask");
    const int64_t first = panel * PANEL_ROWS;
    return allowed[first / 32] >> (first % 32) & ((1u << rows_of(panel)) - 1);
}

void ScreenedHead::bound(Screen & screen, int64_t first, int64_t last) const {
    for (int64_t i = first; i < last; ++i) {
        float bounds[PANEL_ROWS];
        if (allowed) {
            bound_allowed(screen, i, bounds, allowed_rows(i));
        } else if (bound_panel(panel(i), high_bits(i), x.codes, screen.blocks.data(), x.n_blocks, bounds, screen.best_estimate)) {
            screen.best_panel = i;
        }
        std::copy(bounds, bounds + rows_of(i), logits + i * PANEL_ROWS);
    }
}

void ScreenedHead::bound_allowed(Screen & screen, int64_t i, float * bounds, uint32_t rows) const {
    if (rows != 0) {
        float any = std::numeric_limits<float>::infinity(); // no estimate raises it
        bound_panel(panel(i), high_bits(i), x.codes, screen.blocks.data(), x.n_blocks, bounds, any);
    }
    for (int row = 0; row < PANEL_ROWS; ++row) {
        bounds[row] = (rows >> row & 1) != 0 ? bounds[row] : NEG_INF;
        if (bounds[row] > screen.best_estimate) {
            screen.best_estimate = bounds[row];
            screen.best_panel    = i;
        }
    }
}

float ScreenedHead::largest_of_panel(int64_t i) const {
    float exact[PANEL_ROWS];
    multiply_panel(panel(i), rows_of(i), x, 0, 1, exact, PANEL_ROWS);
    float largest = NEG_INF;
    for (int row = 0; row < rows_of(i); ++row) {
        const bool is_allowed = !allowed || (allowed_rows(i) >> row & 1) != 0;
        largest = is_allowed ? std::max(largest, exact[row]) : largest; // never a NaN
    }
    return largest;
}

void ScreenedHead::settle(int64_t first, int64_t last, float threshold) const {
    for (int64_t i = first; i < last; ++i) {
        float * to  = logits + i * PANEL_ROWS;
        float * end = to + rows_of(i);
        // A NaN is not below the threshold.
        if (std::any_of(to, end, [threshold](float bound) { return !(bound < threshold); })) {
            multiply_panel(panel(i), rows_of(i), x, 0, 1, to, n_logits);
        } else {
            std::fill(to, end, NEG_INF);
        }
    }
}

} // namespace pagoda
