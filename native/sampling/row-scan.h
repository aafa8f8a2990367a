// Vectorized passes over one row of logits. Rows are split into blocks of 64, and a block's maximum lets later passes
// skip it. NaN-safe: a NaN never compares greater, so it is never a maximum. The loops use the best instruction
// set, and all sets produce the same bits. Pure functions, which any thread can call.
#pragma once

#include "sampling/row-kernel.h"

#include <cstdint>
#include <vector>

namespace pagoda {

// Kernels for the instruction set in use, see simd/cpu-set.h.
const RowKernels & row_kernels();

inline int32_t blocks_of(int32_t n) { return (n + ROW_BLOCK - 1) / ROW_BLOCK; }

struct Row {
    const float * x; // [n]
    int32_t       n;

    int32_t blocks() const { return blocks_of(n); }
    int32_t block_end(int32_t block) const { return block + 1 == blocks() ? n : (block + 1) * ROW_BLOCK; }
};

struct RowScan {
    std::vector<float> maxima; // [row.blocks()]
    float              max     = 0;
    bool               has_nan = false;
};

// maxima[b] = maximum of each block of the row. Returns true if any value is NaN.
bool scan_blocks(Row row, float * maxima);

void scan_row(Row row, RowScan & scan);

// Completes a scan whose block maxima are already known; a NaN among them means that the row contains a NaN.
void load_scan(Row row, const float * maxima, RowScan & scan);

// Rescans the marked blocks of a row that is padded to whole blocks with -inf.
void rescan_blocks(Row row, const std::vector<uint8_t> & marks, RowScan & scan);

// Id of the highest value; the lowest id wins ties. 0 if every value is NaN or -inf.
int32_t argmax(Row row, const RowScan & scan);

// sums[b] = sum of exp((x - max) * scale) over block b, see RowKernels::weigh. Returns the total.
double exp_sums(Row row, float max, float scale, std::vector<float> & sums);

// Writes the terms of one of the sums of exp_sums(); `weights` is [ROW_BLOCK], padded with 0.
void weigh_block(Row row, int32_t block, float max, float scale, float * weights);

int32_t count_greater(Row row, const RowScan & scan, float value);

// Writes the values of at least `bound` and their ids, ascending; both arrays need room for one block more than the
// row. Returns the number of values.
int32_t collect(Row row, const RowScan & scan, float bound, float * values, int32_t * ids);

} // namespace pagoda
