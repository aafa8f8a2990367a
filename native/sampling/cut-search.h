// Finds where top-k and top-p cut a set of logits. Like quickselect, it splits at a pivot and continues with one
// side, but in vector passes; only the last few values are sorted. Every cut keeps the first values in order of
// descending logit, with ties ordered by id. Sums use float over a block's 16 lanes and double over blocks, in the
// same order on every CPU. One thread at a time.
#pragma once

#include "sampling/row-scan.h"

#include <cstdint>
#include <vector>

namespace pagoda {

// Pads the last block: no comparison with it is true, and it weighs nothing.
constexpr float FILL = std::numeric_limits<float>::quiet_NaN();

// The weight of a logit is exp((logit - max) * scale).
struct Weighing {
    float max;
    float scale; // 1 / temperature
};

// Keeps the logits above `logit` and, of those equal to it, the first `ties` by id.
struct Cut {
    float   logit;
    int32_t ties;
};

class CutSearch {
public:
    explicit CutSearch(int32_t n_vocab);

    void load(const float * x, const float * w, int32_t n); // null = every weight is 1

    // Loads every `stride`-th whole block of a row. Returns the weight of the sample.
    double load_sample(Row row, int32_t stride, const Weighing & weighing);

    // Returns the cut after the shortest nonempty prefix that weighs `need` or more; after all values if rounding
    // leaves less. Destroys the loaded values. A first pivot near the cut saves passes, but any value works.
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
