// Products of rows with strips (adapters/strip-matrix.h), in kernels for each instruction set. The sum for a row and an
// output is computed input by input, so it does not depend on the other rows and strips of a call.
#pragma once

#include <cstdint>

namespace pagoda {

constexpr int MAX_STRIP_ROWS = 8;

struct StripCall {
    const uint16_t *      strips;   // f16 [n_inputs, step], of which each strip has 16, one after another
    int                   step;
    int                   n_strips; // 1..GROUP_STRIPS
    int                   n_inputs; // of each strip
    const float * const * x;        // [n_rows]; strip s reads x[row] + s * x_step
    int                   x_step;
    float * const *       out;      // [n_rows]; strip s writes 16 values at out[row] + s * 16
    int                   n_rows;   // 1..MAX_STRIP_ROWS
};

struct StripKernels {
    const char * name;
    void (*set)(const StripCall & call); // writes the products
    void (*add)(const StripCall & call); // adds them to the values in `out`
};

extern const StripKernels strips_generic, strips_avx2, strips_avx512;

// The best kernels for this CPU.
const StripKernels & strip_kernels();

} // namespace pagoda
