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

    // Replaces the candidates with all logits of at least `bound`.
    void collect_above(Row row, const RowScan & scan, float bound);
    // Replaces the candidates with a superset of the k likeliest tokens. Returns the cut that leaves exactly those
    // k.
    Cut  collect_top_k(Row row, const RowScan & scan, int32_t k);

    // Writes the ids of the k likeliest tokens, likeliest first; k is at most the row's length.
    void list_top_k(Row row, const RowScan & scan, int32_t k, int32_t * top);

    // Replaces the candidates with the shortest list of likeliest tokens that makes up a share p < 1 of the row's total weight.
    void collect_nucleus(Row row, const RowScan & scan, const Weighing & weighing, double total, double p);

    // Returns the smallest logit that can weigh `weight`, in (0, 1], or a value slightly below it.
    static float bound_of(float weight, const Weighing & weighing);

    void weigh(const Weighing & weighing);

    // The keep functions set the weight of every other token to 0.
    void keep(Cut cut);
    void keep_heavy(float floor); // keeps weights of at least `floor`
    void keep_mass(double mass);  // keeps the fewest likeliest tokens that together weigh `mass`

    double total() const;

    // Writes the logits of the tokens that were kept to their places in `row`, [n_vocab].
    void copy_kept(float * row) const;

    // Returns the token at a share u in [0, 1) of the total weight, accumulated in id order.
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
