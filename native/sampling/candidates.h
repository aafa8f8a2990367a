// The likeliest tokens of a row, with what top-k, top-p and min-p leave of them. One thread at a time.
#pragma once

#include "sampling/cut-search.h"
#include "sampling/row-scan.h"

#include <cstdint>
#include <vector>

namespace pagoda {

class Candidates {
public:
    explicit Candidates(int32_t n_vocab);

    // Replaces what is held by the logits of at least `bound`.
    void collect_above(Row row, const RowScan & scan, float bound);
    // Replaces what is held by a superset of the k likeliest, and finds the cut that leaves those.
    Cut  collect_top_k(Row row, const RowScan & scan, int32_t k);

    // Writes the ids of the k likeliest, likeliest first; k is at most the row's length.
    void list_top_k(Row row, const RowScan & scan, int32_t k, int32_t * top);

    // Replaces what is held by the likeliest, as few as weigh a share p < 1 of the row's total together.
    void collect_nucleus(Row row, const RowScan & scan, const Weighing & weighing, double total, double p);

    // The least logit that may weigh `weight` in (0, 1], or a little below.
    static float bound_of(float weight, const Weighing & weighing);

    void weigh(const Weighing & weighing);

    // What is cut off weighs nothing from then on.
    void keep(Cut cut);
    void keep_heavy(float floor); // weights of at least `floor`
    void keep_mass(double mass);  // the likeliest, as few as weigh `mass` together

    double total() const;

    // The token at a share u in [0, 1) of the weight, by ascending id.
    int32_t draw(double u) const;

private:
    bool collect_guessed_nucleus(Row row, const RowScan & scan, const Weighing & weighing, double total, double p);

    int32_t              n = 0;
    std::vector<float>   logits, weights; // [n_vocab + a block], n valid
    std::vector<int32_t> ids;             // parallel, ascending
    std::vector<float>   sums;            // [blocks of n] of the weights
    CutSearch            search;
};

} // namespace pagoda
