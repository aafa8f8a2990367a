// Where top-k and top-p cut a set of logits: found by splitting at a pivot and going on with one side, as
// quickselect does but with vector passes; nothing is sorted but the last few. Every cut keeps a prefix of
// the order by logit, ties by id. Sums are over 16 lanes a block in float, over blocks in double: one
// order on every CPU. One thread at a time.
#pragma once

#include "sampling/row-scan.h"

#include <cstdint>
#include <vector>

namespace pagoda {

// Fills the last block up: no comparison is true for it, and it weighs nothing.
constexpr float FILL = std::numeric_limits<float>::quiet_NaN();

// The weight of a logit is exp((logit - max) * scale).
struct Weighing {
    float max;
    float scale; // 1 / temperature
};

// Keeps the logits above `logit`, and of those equal to it the first `ties` by id.
struct Cut {
    float   logit;
    int32_t ties;
};

class CutSearch {
public:
    explicit CutSearch(int32_t n_vocab);

    void load(const float * x, const float * w, int32_t n); // null = every weight is 1

    // Loads every `stride`-th whole block of a row. Returns what it weighs.
    double load_sample(Row row, int32_t stride, const Weighing & weighing);

    // The cut after the shortest prefix that weighs `need` or more, never empty; all where rounding leaves
    // less. Destroys what is loaded. A first pivot near the cut saves passes, any will do.
    Cut find(double need, float first_pivot = -NEG_INF);

private:
    Compacted split(float pivot, double & need);
    void      fill_up();
    Cut       find_in_few(double need) const;
    Cut       find_in_ties(double need) const;

    std::vector<float> x, w; // [n_vocab + a block]
    int32_t            n = 0;
};

} // namespace pagoda
