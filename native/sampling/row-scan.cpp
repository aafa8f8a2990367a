// Whole blocks are read in place; the values after the last whole block go through a padded copy.

#include "sampling/row-scan.h"

#include "simd/cpu-set.h"

#include <algorithm>
#include <cmath>

namespace pagoda {

namespace {

// The values after the last whole block, padded to a block with -inf.
struct Tail {
    float x[ROW_BLOCK];

    explicit Tail(Row row) {
        const int32_t begin = row.n / ROW_BLOCK * ROW_BLOCK;
        std::fill(std::copy(row.x + begin, row.x + row.n, x), x + ROW_BLOCK, NEG_INF);
    }
};

const RowKernels & pick() {
#if defined(__x86_64__) || defined(_M_X64)
    switch (cpu_set()) {
    case CpuSet::avx512:
        return row_kernels_avx512();
    case CpuSet::avx2:
        return row_kernels_avx2();
    case CpuSet::generic:
        break;
    }
#endif
    return row_kernels_generic();
}

void find_max(RowScan & scan) { scan.max = *std::max_element(scan.maxima.begin(), scan.maxima.end()); }

} // namespace

const RowKernels & row_kernels() {
    static const RowKernels & kernels = pick();
    return kernels;
}

bool scan_blocks(Row row, float * maxima) {
    const int32_t full = row.n / ROW_BLOCK;
    bool has_nan = row_kernels().scan(row.x, full, maxima);
    if (full < row.blocks()) {
        has_nan |= row_kernels().scan(Tail(row).x, 1, maxima + full);
    }
    return has_nan;
}

void scan_row(Row row, RowScan & scan) {
    scan.maxima.resize(row.blocks());
    scan.has_nan = scan_blocks(row, scan.maxima.data());
    find_max(scan);
}

void load_scan(Row row, const float * maxima, RowScan & scan) {
    scan.maxima.assign(maxima, maxima + row.blocks());
    scan.has_nan = std::any_of(scan.maxima.begin(), scan.maxima.end(), [](float x) { return std::isnan(x); });
    find_max(scan);
}

void rescan_blocks(Row row, const std::vector<uint8_t> & marks, RowScan & scan) {
    const int32_t n = row.blocks();
    for (int32_t begin = 0, end; begin < n; begin = end + 1) {
        for (end = begin; end < n && marks[end]; ++end) {}
        row_kernels().scan(row.x + (int64_t) begin * ROW_BLOCK, end - begin, &scan.maxima[begin]);
    }
    find_max(scan);
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
    const int32_t full = row.n / ROW_BLOCK;
    row_kernels().weigh(row.x, full, max, scale, nullptr, sums.data());
    if (full < row.blocks()) {
        row_kernels().weigh(Tail(row).x, 1, max, scale, nullptr, &sums[full]);
    }
    double total = 0;
    for (float sum : sums) {
        total += sum;
    }
    return total;
}

void weigh_block(Row row, int32_t block, float max, float scale, float * weights) {
    const bool is_full = block < row.n / ROW_BLOCK;
    float sum;
    row_kernels().weigh(is_full ? row.x + block * ROW_BLOCK : Tail(row).x, 1, max, scale, weights, &sum);
}

int32_t count_greater(Row row, const RowScan & scan, float value) {
    const int32_t full = row.n / ROW_BLOCK;
    int32_t count = row_kernels().count_greater(row.x, full, scan.maxima.data(), value);
    if (full < row.blocks()) {
        count += row_kernels().count_greater(Tail(row).x, 1, &scan.maxima[full], value);
    }
    return count;
}

int32_t collect(Row row, const RowScan & scan, float bound, float * values, int32_t * ids) {
    const int32_t full = row.n / ROW_BLOCK;
    int32_t count = row_kernels().collect(row.x, 0, full, scan.maxima.data(), bound, values, ids);
    if (full < row.blocks()) {
        count += row_kernels().collect(Tail(row).x, full * ROW_BLOCK, 1, &scan.maxima[full], bound, values + count, ids + count);
        while (count > 0 && ids[count - 1] >= row.n) { // drops the padding, which a bound of -inf lets through
            --count;
        }
    }
    return count;
}

} // namespace pagoda
