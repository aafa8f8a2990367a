// The loops over rows of logits, with the set selected by PAGODA_CPU, compared with scalar references:
// lengths with all remainders, ties, NaN, infinities and denormals. Prints a line per group of cases, each
// error, and a checksum of all results, which is the same for every set. Rows and outputs end where their
// allocation ends. Built with sanitizers by test/native/row-kernels.test.ts.

#include "sampling/candidates.h"
#include "sampling/row-scan.h"
#include "simd/cpu-set.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <vector>

using namespace pagoda;

namespace {

int         n_faults = 0;
std::string group;
uint64_t    checksum = 14695981039346656037ull; // FNV-1a

void expect(bool holds, const char * what, int32_t n) {
    if (!holds && ++n_faults <= 20) {
        std::printf("FAULT %s: %s, %d values\n", what, group.c_str(), n);
    }
}

template <class T> void note(const T * data, size_t count) {
    const auto * bytes = (const uint8_t *) data;
    for (size_t i = 0; i < count * sizeof(T); ++i) {
        checksum = (checksum ^ bytes[i]) * 1099511628211ull;
    }
}

using Values = std::vector<float>;

Row row_of(const Values & x) { return { x.data(), (int32_t) x.size() }; }

std::vector<int32_t> ids_where(const Values & x, bool (*holds)(float, float), float bound) {
    std::vector<int32_t> ids;
    for (size_t i = 0; i < x.size(); ++i) {
        if (holds(x[i], bound)) {
            ids.push_back((int32_t) i);
        }
    }
    return ids;
}

// Ids, most likely first, ties by id; NaN is left out.
std::vector<int32_t> ranked(const Values & x) {
    std::vector<int32_t> ids(x.size());
    std::iota(ids.begin(), ids.end(), 0);
    std::stable_sort(ids.begin(), ids.end(), [&](int32_t a, int32_t b) { return x[a] > x[b]; });
    return ids;
}

RowScan check_scan(const Values & x) {
    const auto n = (int32_t) x.size();
    RowScan scan;
    scan_row(row_of(x), scan);
    float max = NEG_INF;
    bool has_nan = false;
    for (const float value : x) {
        has_nan |= std::isnan(value);
        max = value > max ? value : max;
    }
    expect(scan.has_nan == has_nan, "has_nan", n);
    expect(scan.max == max, "max", n);
    expect((int32_t) scan.maxima.size() == (n + ROW_BLOCK - 1) / ROW_BLOCK, "number of blocks", n);
    const auto first = std::find(x.begin(), x.end(), max);
    expect(argmax(row_of(x), scan) == (max == NEG_INF && first == x.end() ? 0 : (int32_t) (first - x.begin())), "argmax", n);
    note(scan.maxima.data(), scan.maxima.size());
    return scan;
}

void check_collect(const Values & x, const RowScan & scan, float bound) {
    const auto n = (int32_t) x.size();
    const auto above = ids_where(x, [](float a, float b) { return a > b; }, bound);
    expect(count_greater(row_of(x), scan, bound) == (int32_t) above.size(), "count_greater", n);
    const auto expected = ids_where(x, [](float a, float b) { return a >= b; }, bound);
    Values values(n + ROW_BLOCK);
    std::vector<int32_t> ids(n + ROW_BLOCK);
    const int32_t count = collect(row_of(x), scan, bound, values.data(), ids.data());
    ids.resize(count);
    expect(ids == expected, "ids of collect", n);
    for (int32_t i = 0; i < count; ++i) {
        expect(values[i] == x[ids[i]], "values of collect", n);
    }
}

void check_weights(const Values & x, float max, float scale) {
    const auto n = (int32_t) x.size();
    Values sums;
    const double total = exp_sums(row_of(x), max, scale, sums);
    double expected = 0;
    for (int32_t b = 0; b < (int32_t) sums.size(); ++b) {
        float weights[ROW_BLOCK];
        weigh_block(row_of(x), b, max, scale, weights);
        double of_block = 0;
        for (int32_t i = b * ROW_BLOCK; i < std::min(n, (b + 1) * ROW_BLOCK); ++i) {
            const double e = ((double) x[i] - max) * scale;
            const double weight = e < -86.6 ? 0 : std::exp(e);
            of_block += weight;
            const double relative = 2e-6 + 2e-7 * std::fabs(std::max(e, -100.0));
            expect(std::fabs(weights[i % ROW_BLOCK] - weight) <= weight * relative + 1e-37, "weight", n);
        }
        expect(std::fabs(sums[b] - of_block) <= 2e-5 * of_block + 1e-36, "sum of a block", n);
        expected += of_block;
    }
    expect(std::fabs(total - expected) <= 2e-5 * expected + 1e-36, "sum", n);
    note(sums.data(), sums.size());
}

void check_top_k(const Values & x, const RowScan & scan) {
    const auto n = (int32_t) x.size();
    const std::vector<int32_t> order = ranked(x);
    for (const int32_t k : { 1, 2, 5, n / 2, n }) {
        if (k < 1 || k > n) {
            continue;
        }
        Candidates candidates(n);
        std::vector<int32_t> top(k);
        candidates.list_top_k(row_of(x), scan, k, top.data());
        expect(std::equal(top.begin(), top.end(), order.begin()), "top-k", n);
        const Cut cut = candidates.collect_top_k(row_of(x), scan, k);
        candidates.weigh({ scan.max, 1.0f });
        candidates.keep(cut);
        note(&cut.logit, 1);
        note(top.data(), top.size());
    }
}

// The nucleus must be a prefix of the order that reaches the share, but does not reach it without its last
// token.
void check_top_p(const Values & x, const RowScan & scan, float scale) {
    const auto n = (int32_t) x.size();
    const std::vector<int32_t> order = ranked(x);
    Values sums;
    const double total = exp_sums(row_of(x), scan.max, scale, sums);
    for (const double p : { 0.1, 0.5, 0.95, 0.999 }) {
        Candidates candidates(n);
        candidates.collect_nucleus(row_of(x), scan, { scan.max, scale }, total, p);
        double mass = 0;
        int32_t size = 0;
        while (size < n && mass < p * total * (1 - 1e-5)) {
            mass += std::exp(((double) x[order[size++]] - scan.max) * scale);
        }
        const double kept = candidates.total();
        expect(kept >= p * total * (1 - 2e-5), "the nucleus is too small", n);
        expect(kept <= mass + std::exp(((double) x[order[std::min(size, n - 1)]] - scan.max) * scale) + 2e-5 * total,
               "the nucleus is too large", n);
        for (const double u : { 0.0, 0.3, 0.999999 }) {
            const int32_t token = candidates.draw(u);
            expect(token >= 0 && token < n, "a token that does not exist", n);
            note(&token, 1);
        }
    }
}

Values gaussian(int32_t n, float scale, std::mt19937 & rng) {
    std::normal_distribution<float> normal(0.0f, scale);
    Values x(n);
    std::generate(x.begin(), x.end(), [&] { return normal(rng); });
    x.shrink_to_fit();
    return x;
}

void check_row(const Values & x, float scale) {
    const RowScan scan = check_scan(x);
    for (const float bound : { NEG_INF, -1.0f, 0.0f, scan.max, -NEG_INF }) {
        check_collect(x, scan, bound);
    }
    if (!scan.has_nan && std::isfinite(scan.max)) {
        check_weights(x, scan.max, scale);
        check_top_k(x, scan);
        check_top_p(x, scan, scale);
    }
}

void end_group(int before) { std::printf("%s %s\n", group.c_str(), n_faults == before ? "ok" : "wrong"); }

void check_lengths(std::mt19937 & rng) {
    const int before = n_faults;
    group = "lengths";
    for (int32_t n = 1; n <= 140; ++n) {
        check_row(gaussian(n, 3.0f, rng), 1.0f);
    }
    for (const int32_t n : { 1000, 4099, 20001 }) {
        check_row(gaussian(n, 3.0f, rng), 0.7f);
    }
    end_group(before);
}

void check_ties(std::mt19937 & rng) {
    const int before = n_faults;
    group = "ties";
    for (const int32_t n : { 3, 64, 100, 257 }) {
        check_row(Values(n, 0.0f), 1.0f);
        check_row(Values(n, -3.5f), 2.0f);
        Values x = gaussian(n, 2.0f, rng);
        for (float & value : x) {
            value = std::round(value);
        }
        check_row(x, 1.0f);
    }
    end_group(before);
}

void check_extremes(std::mt19937 & rng) {
    const int before = n_faults;
    group = "extremes";
    for (const float scale : { 0.0f, 1e-40f, 1e-20f, 50.0f, 1e30f }) {
        for (const int32_t n : { 5, 64, 130 }) {
            check_row(gaussian(n, scale, rng), 1.0f);
        }
    }
    for (const float bad : { NAN, INFINITY, -INFINITY }) {
        for (const size_t at : { 0, 15, 63, 64, 99 }) {
            Values x = gaussian(100, 1.0f, rng);
            x[at] = bad;
            check_row(x, 1.0f);
        }
        check_scan(Values(70, bad));
    }
    end_group(before);
}

// Parts of the table that the functions above do not cover.
void check_splits(std::mt19937 & rng) {
    const int before = n_faults;
    group = "splits";
    const RowKernels & kernels = row_kernels();
    for (const int32_t blocks : { 1, 2, 7 }) {
        const int32_t n = blocks * ROW_BLOCK;
        const Values x = gaussian(n, 1.0f, rng);
        Values w(n);
        std::transform(x.begin(), x.end(), w.begin(), [](float value) { return std::exp(value); });
        for (const float pivot : { -9.0f, -0.5f, 0.0f, x[n / 2], 9.0f }) {
            double mass = 0;
            int32_t n_above = 0;
            for (int32_t i = 0; i < n; ++i) {
                mass += x[i] > pivot ? w[i] : 0.0f;
                n_above += x[i] > pivot;
            }
            const double got = kernels.mass_above(x.data(), w.data(), blocks, pivot);
            expect(std::fabs(got - mass) <= 1e-5 * mass, "mass_above", n);
            for (const bool above : { true, false }) {
                Values xs = x, ws = w;
                xs.resize(n + ROW_BLOCK);
                ws.resize(n + ROW_BLOCK);
                const Compacted kept = kernels.compact(xs.data(), ws.data(), blocks, pivot, above);
                expect(kept.n == (above ? n_above : n - n_above), "number of values that compact() keeps", n);
                for (int32_t i = 0, at = 0; i < n; ++i) {
                    if ((x[i] > pivot) == above) {
                        expect(xs[at] == x[i] && ws[at] == w[i], "values that compact() keeps", n);
                        ++at;
                    }
                }
                if (kept.n > 0) {
                    const auto [min, max] = std::minmax_element(xs.begin(), xs.begin() + kept.n);
                    expect(kept.min == *min && kept.max == *max, "bounds of the values that compact() keeps", n);
                }
            }
            Values cut = w, sums(blocks);
            const int32_t ties = kernels.cut(x.data(), cut.data(), blocks, pivot, sums.data());
            expect(ties == std::count(x.begin(), x.end(), pivot), "ties at the cut", n);
            for (int32_t i = 0; i < n; ++i) {
                expect(cut[i] == (x[i] >= pivot ? w[i] : 0.0f), "values that cut() leaves", n);
            }
            note(&got, 1);
            note(sums.data(), sums.size());
        }
    }
    end_group(before);
}

void check_rescan(std::mt19937 & rng) {
    const int before = n_faults;
    group = "rescans";
    Values x = gaussian(5 * ROW_BLOCK, 1.0f, rng);
    RowScan scan;
    scan_row(row_of(x), scan);
    x[3] = 50.0f;
    x[4 * ROW_BLOCK + 60] = 60.0f;
    x[2 * ROW_BLOCK] = 99.0f; // in a block that is not marked
    rescan_blocks(row_of(x), { 1, 0, 0, 0, 1 }, scan);
    expect(scan.maxima[0] == 50.0f && scan.maxima[4] == 60.0f && scan.maxima[2] < 50.0f && scan.max == 60.0f, "rescan_blocks", 5 * ROW_BLOCK);
    end_group(before);
}

} // namespace

int main() {
    const char * const names[] = { "generic", "avx2", "avx512" };
    std::printf("%s\n", names[(int) cpu_set()]);
    std::mt19937 rng(7);
    check_lengths(rng);
    check_ties(rng);
    check_extremes(rng);
    check_splits(rng);
    check_rescan(rng);
    std::printf("checksum %016llx\n", (unsigned long long) checksum);
    return n_faults == 0 ? 0 : 1;
}
