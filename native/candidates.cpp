// Sums are over 16 lanes a block in float, over blocks in double: one order on every CPU.

#include "candidates.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>

namespace pagoda {

namespace {

constexpr int32_t FEW = ROW_BLOCK; // sorted rather than split again

// Fills the last block up: no comparison is true for it, and it weighs nothing.
constexpr float FILL = std::numeric_limits<float>::quiet_NaN();

// Integers in the order of the floats, and back.
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

// A value in [min, max) near the middle. Logits lie close together but for a few that stand for "never",
// such as -1e30: across a wide range the exponents are halved, not the values.
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

Compacted CutSearch::compact(float pivot, bool above) {
    const Compacted rest = row_kernels().compact(x.data(), w.data(), blocks_of(n), pivot, above);
    n = rest.n;
    fill_up();
    return rest;
}

Cut CutSearch::find(double need) {
    if (n <= FEW) {
        return find_in_few(need);
    }
    Compacted rest = compact(-NEG_INF, false); // keeps all: it is the range that is wanted
    while (n > FEW && rest.min < rest.max) {
        const float  pivot = pivot_between(rest.min, rest.max);
        const double above = row_kernels().mass_above(x.data(), w.data(), blocks_of(n), pivot);
        const bool   is_above = above >= need;
        if (!is_above) {
            need -= above;
        }
        rest = compact(pivot, is_above);
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

// All that is left is equal, and so weighs the same.
Cut CutSearch::find_in_ties(double need) const {
    const double ties = w[0] > 0 ? std::ceil(need / w[0]) : n;
    return { x[0], (int32_t) std::clamp(ties, 1.0, (double) n) };
}

Candidates::Candidates(int32_t n_vocab)
    : logits(n_vocab + ROW_BLOCK), weights(n_vocab + ROW_BLOCK), ids(n_vocab + ROW_BLOCK),
      sums(blocks_of(n_vocab) + 1), search(n_vocab) {}

void Candidates::collect_above(Row row, const RowScan & scan, float bound) {
    n = collect(row, scan, bound, logits.data(), ids.data());
}

Cut Candidates::collect_top_k(Row row, const RowScan & scan, int32_t k) {
    float bound = NEG_INF;
    if (k <= row.blocks()) { // the k-th highest block maximum: k values or more are not below it
        search.load(scan.maxima.data(), nullptr, row.blocks());
        bound = search.find(k).logit;
    }
    collect_above(row, scan, bound);
    search.load(logits.data(), nullptr, n);
    return search.find(k);
}

void Candidates::list_top_k(Row row, const RowScan & scan, int32_t k, int32_t * top) {
    const Cut cut = collect_top_k(row, scan, k);
    int32_t ties = cut.ties;
    int32_t * end = top;
    for (int32_t i = 0; i < n; ++i) {
        if (logits[i] > cut.logit || (logits[i] == cut.logit && ties-- > 0)) {
            *end++ = ids[i];
        }
    }
    std::sort(top, end, [row](int32_t a, int32_t b) { return row.x[a] > row.x[b] || (row.x[a] == row.x[b] && a < b); });
}

// A power of two at or below, so that no rounding in a library's log() has a say in what is collected.
float Candidates::bound_of(float weight, float max, float scale) {
    return max + (float) std::ilogb(0.9f * weight) * 0.69314718f / scale;
}

void Candidates::weigh(float max, float scale) {
    std::fill(logits.begin() + n, logits.begin() + blocks_of(n) * ROW_BLOCK, FILL);
    row_kernels().weigh(logits.data(), blocks_of(n), max, scale, weights.data(), sums.data());
}

void Candidates::keep(Cut cut) {
    int32_t surplus = row_kernels().cut(logits.data(), weights.data(), blocks_of(n), cut.logit, sums.data()) - cut.ties;
    if (surplus <= 0) {
        return;
    }
    for (int32_t i = n - 1; surplus > 0; --i) {
        if (logits[i] == cut.logit) {
            weights[i] = 0.0f;
            --surplus;
        }
    }
    row_kernels().cut(weights.data(), weights.data(), blocks_of(n), 0.0f, sums.data()); // the sums anew
}

void Candidates::keep_heavy(float floor) {
    row_kernels().cut(weights.data(), weights.data(), blocks_of(n), floor, sums.data());
}

void Candidates::keep_mass(double mass) {
    search.load(logits.data(), weights.data(), n);
    keep(search.find(mass));
}

double Candidates::total() const { return std::accumulate(sums.begin(), sums.begin() + blocks_of(n), 0.0); }

int32_t Candidates::draw(double u) const {
    double left = u * total();
    int32_t block = 0;
    while (block + 1 < blocks_of(n) && left >= sums[block]) {
        left -= sums[block++];
    }
    int32_t at = block * ROW_BLOCK;
    while (at + 1 < n && (left -= weights[at]) >= 0) {
        ++at;
    }
    while (at > 0 && !(weights[at] > 0)) { // rounding may leave a rest
        --at;
    }
    return ids[at];
}

} // namespace pagoda
