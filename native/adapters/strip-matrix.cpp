// Rows are rounded to f16 one at a time, then spread over the strips of their panel.

#include "adapters/strip-matrix.h"

#include "ggml.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace pagoda {

namespace {

constexpr int F16_EXPONENT = 15; // the largest f16 value is just below 2^16

} // namespace

StripShape whole_shape(int64_t n_in, int64_t n_out) { return { (int32_t) n_in, (int32_t) n_out, 1 }; }

StripShape chunked_shape(int64_t n_in, int64_t n_out) {
    StripShape shape = whole_shape(n_in, n_out);
    while (shape.chunk() % 2 == 0 && 2 * shape.n_strips() <= CHUNKED_STRIPS) {
        shape.n_chunks *= 2;
    }
    return shape;
}

int64_t most_chunked_results(int64_t max_out) {
    return STRIP_OUTPUTS * std::max<int64_t>(CHUNKED_STRIPS, whole_shape(1, max_out).n_panels());
}

// Compares bit patterns, which sort like the magnitudes, since compilers can vectorize the loop.
float largest_magnitude(const float * values, size_t n) {
    int32_t largest = 0;
    for (size_t i = 0; i < n; ++i) {
        int32_t bits;
        std::memcpy(&bits, values + i, sizeof(bits));
        largest = std::max(largest, bits & INT32_MAX);
    }
    float magnitude;
    std::memcpy(&magnitude, &largest, sizeof(magnitude));
    return magnitude;
}

float f16_factor(const float * values, size_t n) {
    const float largest = largest_magnitude(values, n);
    if (largest == 0) {
        return 1;
    }
    return std::ldexp(1.0f, std::clamp(F16_EXPONENT - 1 - std::ilogb(largest), -126, 126));
}

void write_strips(const StripShape & shape, const float * values, float factor, uint16_t * strips) {
    const int32_t n_in = shape.n_in, chunk = shape.chunk();
    std::vector<float>       scaled(n_in);
    std::vector<ggml_fp16_t> row(n_in);
    std::fill(strips, strips + shape.size(), (uint16_t) 0);
    for (int32_t out = 0; out < shape.n_out; ++out) {
        std::transform(values + (size_t) out * n_in, values + (size_t) (out + 1) * n_in, scaled.begin(),
                       [factor](float value) { return value * factor; });
        ggml_fp32_to_fp16_row(scaled.data(), row.data(), n_in);
        for (int32_t i = 0; i < shape.n_chunks; ++i) {
            const int32_t strip = out / STRIP_OUTPUTS * shape.n_chunks + i;
            const int32_t step  = shape.group(strip) * STRIP_OUTPUTS;
            uint16_t * to = strips + shape.place(strip) + out % STRIP_OUTPUTS;
            for (const ggml_fp16_t * from = row.data() + i * chunk; from < row.data() + (i + 1) * chunk; ++from, to += step) {
                *to = *from;
            }
        }
    }
}

} // namespace pagoda
