// A split costs one pass to weigh and one pass to compact. It leaves about half of the values, so all splits
// together cost about four passes over the loaded values.

#include "sampling/cut-search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace pagoda {

namespace {

constexpr int32_t FEW = ROW_BLOCK; // this many values are sorted instead of split again

// Maps floats to integers that compare the same way; float_of() is the inverse.
int32_t order_of(float x) {
    int32_t bits;
    std::memcpy(&bits, &x, sizeof(bits));
    return bits ^ (bits >> 31 & 0x7fffffff);
}

float float_of(int32_t order) {
    const int32_t bits = order ^ (order >> 31 & 0x7fffffff);
    float x;
    std::memcpy(&x, &bits, sizeof(x));
    return x;
}

// Returns a value in [min, max) near the middle. Logits are close together, except for a few that mean "never",
// such as -1e30; a wide range is therefore halved by exponent, not by value.
float pivot_between(float min, float max) {
    const bool is_narrow = max - min < 1e4f; // false for infinities
    const float middle = is_narrow ? min + (max - min) / 2 : float_of((int32_t) (((int64_t) order_of(min) + order_of(max)) >> 1));
    return middle >= min && middle < max ? middle : min;
}

} // namespace

CutSearch::CutSearch(int32_t n_vocab) : x(n_vocab + ROW_BLOCK), w(n_vocab + ROW_BLOCK) {}

void CutSearch::load(const float * from_x, const float * from_w, int32_t count) {
    n = count;
    std::copy(from_x, from_x + n, x.begin());
    if (from_w) {
        std::copy(from_w, from_w + n, w.begin());
    } else {
        std::fill_n(w.begin(), n, 1.0f);
    }
    fill_up();
}

void CutSearch::fill_up() {
    const int32_t end = blocks_of(n) * ROW_BLOCK;
    std::fill(x.begin() + n, x.begin() + end, FILL);
    std::fill(w.begin() + n, w.begin() + end, 0.0f);
}

double CutSearch::load_sample(Row row, int32_t stride, const Weighing & weighing) {
    double total = 0;
    n = 0;
    for (int32_t block = 0; block < row.n / ROW_BLOCK; block += stride, n += ROW_BLOCK) {
        float sum;
        std::copy_n(row.x + (int64_t) block * ROW_BLOCK, ROW_BLOCK, &x[n]);
        row_kernels().weigh(&x[n], 1, weighing.max, weighing.scale, &w[n], &sum);
        total += sum;
    }
    return total;
}

// Continues with the side of the pivot that the cut is on.
Compacted CutSearch::split(float pivot, double & need) {
    const double above = row_kernels().mass_above(x.data(), w.data(), blocks_of(n), pivot);
    const bool is_above = above >= need;
    if (!is_above) {
        need -= above;
    }
    const Compacted rest = row_kernels().compact(x.data(), w.data(), blocks_of(n), pivot, is_above);
    n = rest.n;
    fill_up();
    return rest;
}

Cut CutSearch::find(double need, float first_pivot) {
    if (n <= FEW) {
        return find_in_few(need);
    }
    Compacted rest = split(first_pivot, need); // even if this keeps all values, it returns their range
    while (n > FEW && rest.min < rest.max) {
        rest = split(pivot_between(rest.min, rest.max), need);
    }
    return n > FEW ? find_in_ties(need) : find_in_few(need);
}

Cut CutSearch::find_in_few(double need) const {
    std::array<std::pair<float, float>, FEW> few;
    for (int32_t i = 0; i < n; ++i) {
        few[i] = { x[i], w[i] };
    }
    std::sort(few.begin(), few.begin() + n, std::greater<>());
    double  mass = few[0].second;
    int32_t last = 0;
    while (last + 1 < n && mass < need) {
        mass += few[++last].second;
    }
    const float logit = few[last].first;
    const auto ties = std::count_if(few.begin(), few.begin() + last + 1, [logit](const auto & pair) { return pair.first == logit; });
    return { logit, (int32_t) ties };
}

// All remaining values are equal, so they have equal weights.
Cut CutSearch::find_in_ties(double need) const {
    const double ties = w[0] > 0 ? std::ceil(need / w[0]) : n;
    return { x[0], (int32_t) std::clamp(ties, 1.0, (double) n) };
}

} // namespace pagoda
