// The likeliest tokens of a row and the cuts that top-k, top-p and min-p make through them. A cut is
// found by splitting at a pivot and going on with one side, as quickselect does but with vector passes:
// nothing is sorted but the last few. Every cut keeps a prefix of the order by logit, ties by id.
#pragma once

#include "row-scan.h"

#include <cstdint>
#include <vector>

namespace pagoda {

// Keeps the logits above `logit`, and of those equal to it the first `ties` by id.
struct Cut {
    float   logit;
    int32_t ties;
};

// Pairs of which a cut is found; the search destroys them.
struct CutSearch {
    explicit CutSearch(int32_t n_vocab);

    void load(const float * x, const float * w, int32_t n); // null = every weight is 1

    // The shortest prefix that weighs `need` or more, never empty; all where rounding leaves less.
    Cut find(double need);

private:
    Cut find_in_few(double need) const;
    Cut find_in_ties(double need) const;
    void fill_up(); // the last block
    Compacted compact(float pivot, bool above);

    std::vector<float> x, w; // [n_vocab + a block]
    int32_t            n = 0;
};

class Candidates {
public:
    explicit Candidates(int32_t n_vocab);

    // Replaces what is held by the logits of at least `bound`.
    void collect_above(Row row, const RowScan & scan, float bound);
    // Replaces what is held by a superset of the k likeliest, and finds the cut that leaves those.
    Cut  collect_top_k(Row row, const RowScan & scan, int32_t k);

    // Writes the ids of the k likeliest, likeliest first; k is at most the row's length.
    void list_top_k(Row row, const RowScan & scan, int32_t k, int32_t * top);

    // The least logit that may weigh `weight` in (0, 1] against `max`, or a little below.
    static float bound_of(float weight, float max, float scale);

    void weigh(float max, float scale);

    // What is cut off weighs nothing from then on.
    void keep(Cut cut);
    void keep_heavy(float floor); // weights of at least `floor`
    void keep_mass(double mass);  // the likeliest, as few as weigh `mass` together

    double total() const;

    // The token at a share u in [0, 1) of the weight, by ascending id.
    int32_t draw(double u) const;

    int32_t              n = 0;
    std::vector<float>   logits, weights; // [n_vocab + a block], n valid
    std::vector<int32_t> ids;             // parallel, ascending

private:
    std::vector<float> sums; // [blocks of n] of the weights
    CutSearch search;
};

} // namespace pagoda
