// Vectorised passes over one row of logits: the only loops of sampling that touch every token. Rows are
// cut into blocks of 64, and a block's maximum lets later passes skip it. NaN-safe: a NaN never compares
// greater, so it is never a maximum. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <vector>

namespace pagoda {

constexpr int ROW_BLOCK = 64;

struct Row {
    const float * x; // [n]
    int32_t       n;

    int32_t blocks() const { return (n + ROW_BLOCK - 1) / ROW_BLOCK; }
    int32_t block_end(int32_t block) const { return block + 1 == blocks() ? n : (block + 1) * ROW_BLOCK; }
};

struct RowScan {
    std::vector<float> maxima; // [row.blocks()]
    float              max;
    bool               has_nan;
};

void scan_row(Row row, RowScan & scan);

// Of the highest value; the lowest id wins ties. 0 when every value is NaN or -inf.
int32_t argmax(Row row, const RowScan & scan);

// sums[b] = sum of exp((x - max) * scale) over block b, relative error below 1e-6; exponents are held in
// [-87, 0], below is 0. Returns the whole sum.
double exp_sums(Row row, float max, float scale, std::vector<float> & sums);

int32_t count_greater(Row row, float value);

} // namespace pagoda
