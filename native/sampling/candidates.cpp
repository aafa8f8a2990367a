// Collects a superset first; cuts then set weights to 0, which leaves positions and ids unchanged.

#include "sampling/candidates.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace pagoda {

namespace {

constexpr int32_t SAMPLE_BLOCKS = 48;

} // namespace

Candidates::Candidates(int32_t n_vocab)
    : logits(n_vocab + ROW_BLOCK), weights(n_vocab + ROW_BLOCK), ids(n_vocab + ROW_BLOCK),
      sums(blocks_of(n_vocab) + 1), search(n_vocab) {}

void Candidates::collect_above(Row row, const RowScan & scan, float bound) {
    n = collect(row, scan, bound, logits.data(), ids.data());
}

Cut Candidates::collect_top_k(Row row, const RowScan & scan, int32_t k) {
    float bound = NEG_INF;
    if (k <= row.blocks()) { // at least k values are not below the k-th highest block maximum
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

// Rounds down to a power of two, so that rounding in a library's log() cannot affect which values are collected.
float Candidates::bound_of(float weight, const Weighing & weighing) {
    return weighing.max + (float) std::ilogb(0.9f * weight) * 0.69314718f / weighing.scale;
}

void Candidates::collect_nucleus(Row row, const RowScan & scan, const Weighing & weighing, double total, double p) {
    if (row.blocks() >= 4 * SAMPLE_BLOCKS && collect_guessed_nucleus(row, scan, weighing, total, p)) {
        return;
    }
    // Tokens lighter than (1 - p) * total / n together weigh less than the tail.
    collect_above(row, scan, bound_of((float) ((1.0 - p) * total / row.n), weighing));
    weigh(weighing);
    keep_mass(p * total);
}

// Collects the values above the cut that a sample of blocks predicts for a tail of half the size. Their weight
// shows whether they contain the nucleus; if they do, a safe bound would have collected several times as many.
bool Candidates::collect_guessed_nucleus(Row row, const RowScan & scan, const Weighing & weighing, double total, double p) {
    const int32_t stride = row.blocks() / SAMPLE_BLOCKS;
    const double  tail   = (1.0 - p) * total / stride;
    const double  sample = search.load_sample(row, stride, weighing);
    if (sample < 2 * tail) {
        return false;
    }
    const float bound = search.find(sample - 0.5 * tail).logit;
    collect_above(row, scan, bound);
    weigh(weighing);
    if (this->total() < p * total * (1 + 1e-5)) { // margin for rounding
        return false;
    }
    search.load_sample(row, stride, weighing);
    const float pivot = search.find(sample - 1.5 * tail).logit;
    search.load(logits.data(), weights.data(), n);
    keep(search.find(p * total, pivot));
    return true;
}

void Candidates::weigh(const Weighing & weighing) {
    std::fill(logits.begin() + n, logits.begin() + blocks_of(n) * ROW_BLOCK, FILL);
    row_kernels().weigh(logits.data(), blocks_of(n), weighing.max, weighing.scale, weights.data(), sums.data());
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
    row_kernels().cut(weights.data(), weights.data(), blocks_of(n), 0.0f, sums.data()); // recompute the sums
}

void Candidates::keep_heavy(float floor) {
    row_kernels().cut(weights.data(), weights.data(), blocks_of(n), floor, sums.data());
}

void Candidates::keep_mass(double mass) {
    search.load(logits.data(), weights.data(), n);
    keep(search.find(mass));
}

double Candidates::total() const { return std::accumulate(sums.begin(), sums.begin() + blocks_of(n), 0.0); }

void Candidates::copy_kept(float * row) const {
    for (int32_t i = 0; i < n; ++i) {
        if (weights[i] > 0) {
            row[ids[i]] = logits[i];
        }
    }
}

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
    while (at > 0 && !(weights[at] > 0)) { // rounding can leave a remainder
        --at;
    }
    return ids[at];
}

} // namespace pagoda
