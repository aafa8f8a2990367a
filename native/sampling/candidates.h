// The likeliest tokens of a row, reduced by top-k, top-p and min-p. One thread at a time.
#pragma once

#include "sampling/cut-search.h"
#include "sampling/row-scan.h"

#include <cstdint>
#include <vector>

namespace pagoda {

class Candidates {
public:
    explicit Candidates(int32_t n_vocab);

    // Replaces the candidates by the logits of at least `bound`.
    void collect_above(Row row, const RowScan & scan, float bound);
    // Replaces the candidates by a superset of the k likeliest tokens, and finds the cut that leaves exactly those.
    Cut  collect_top_k(Row row, const RowScan & scan, int32_t k);

    // Writes the ids of the k likeliest tokens, likeliest first; k is at most the row's length.
    void list_top_k(Row row, const RowScan & scan, int32_t k, int32_t * top);

    // Replaces the candidates by the fewest likeliest tokens that together weigh a share p < 1 of the row's total.
    void collect_nucleus(Row row, const RowScan & scan, const Weighing & weighing, double total, double p);

    // Returns the least logit that can weigh `weight`, in (0, 1], or a value slightly below it.
    static float bound_of(float weight, const Weighing & weighing);

    void weigh(const Weighing & weighing);

    // Tokens that are cut off have weight 0 from then on.
    void keep(Cut cut);
    void keep_heavy(float floor); // keeps weights of at least `floor`
    void keep_mass(double mass);  // keeps the fewest likeliest tokens that together weigh `mass`

    double total() const;

    // Returns the token at a share u in [0, 1) of the total weight, in order of ids.
    int32_t draw(double u) const;

private:
    bool collect_guessed_nucleus(Row row, const RowScan & scan, const Weighing & weighing, double total, double p);

    int32_t              n = 0;
    std::vector<float>   logits, weights; // [n_vocab + a block], n of them valid
    std::vector<int32_t> ids;             // parallel to logits, ascending
    std::vector<float>   sums;            // [blocks of n], sums of the weights
    CutSearch            search;
};

} // namespace pagoda
