// Adapter matrices in f16, split into strips that are computed independently of each other. A strip has the weights of 16
// outputs for a chunk of the inputs. Up to four adjacent strips form a group, whose inputs are interleaved, so that a thread that
// computes them together reads memory in order:
//
//   panel of 16 outputs: strip of chunk 0, strip of chunk 1, ...    group: [inputs of a chunk][strips of the group][16]
//
// Outputs that pad the last panel have weights of 0. Chunks have the same length and exist only so that threads can share
// matrices with few outputs; their results are added in order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace pagoda {

constexpr int STRIP_OUTPUTS = 16;
constexpr int GROUP_STRIPS  = 4;
// Matrices with fewer strips are split into chunks, up to this number of strips.
constexpr int CHUNKED_STRIPS = 8;

struct StripShape {
    int32_t n_in;
    int32_t n_out;
    int32_t n_chunks; // divides n_in

    int32_t n_panels() const { return (n_out + STRIP_OUTPUTS - 1) / STRIP_OUTPUTS; }
    int32_t n_strips() const { return n_panels() * n_chunks; }
    int32_t chunk() const { return n_in / n_chunks; }
    size_t  strip_size() const { return (size_t) chunk() * STRIP_OUTPUTS; }
    // Number of strips in a strip's group.
    int32_t group(int32_t strip) const { return std::min(GROUP_STRIPS, n_strips() - strip / GROUP_STRIPS * GROUP_STRIPS); }
    // Index of a strip's weights for its first input. Those for the next input follow after group() * 16 values.
    size_t  place(int32_t strip) const {
        return strip / GROUP_STRIPS * GROUP_STRIPS * strip_size() + (size_t) (strip % GROUP_STRIPS) * STRIP_OUTPUTS;
    }
    size_t  size() const { return n_strips() * strip_size(); } // in f16 values
};

// Shape of a matrix whose results are kept by chunk.
StripShape chunked_shape(int64_t n_in, int64_t n_out);
// Shape of a matrix with one chunk.
StripShape whole_shape(int64_t n_in, int64_t n_out);

// Largest number of results from a chunked matrix with at most max_out outputs: 16 per strip.
int64_t most_chunked_results(int64_t max_out);

// Returns the largest absolute value of `n` values. If a value is NaN or infinite, so is the result.
float largest_magnitude(const float * values, size_t n);

// Returns the power of two that brings the largest of `n` finite values just below 2^15, so that rounding to f16 loses
// little precision in the values that matter.
float f16_factor(const float * values, size_t n);

// Writes a row-major [n_out, n_in] matrix, times `factor`, as strips: size() values.
void write_strips(const StripShape & shape, const float * values, float factor, uint16_t * strips);

} // namespace pagoda
