// Times the sampling passes over the logits of a 16-row step. Rows that fit in the cache are already there, as they are after the head's
// product.

#include "rounds.h"
#include "sampling/candidates.h"
#include "sampling/row-scan.h"

#include <cmath>
#include <cstdio>
#include <functional>
#include <random>
#include <vector>

using namespace pagoda;

namespace pagoda_bench {

namespace {

constexpr int32_t NUM_ROWS      = 16;
const int32_t     VOCABULARIES[] = { 49152, 262144 };

// Logits like a language model's: mostly unlikely tokens, plus 300 likely tokens whose logits decrease with rank.
std::vector<float> peaked_row(int32_t n, int seed) {
    std::mt19937 rng(seed);
    std::normal_distribution<float> normal(0.0f, 2.2f);
    std::vector<float> x(n);
    for (float & value : x) {
        value = normal(rng);
    }
    for (int rank = 1; rank <= 300; ++rank) {
        x[rng() % n] = 18.0f - 2.5f * std::log((float) rank);
    }
    return x;
}

// Buffers for one row.
struct Scratch {
    explicit Scratch(int32_t n) : candidates(n) {}
    RowScan            scan;
    std::vector<float> sums;
    Candidates         candidates;
};

struct Pass {
    const char * name;
    void (*run)(Row row, Scratch & scratch);
};

void argmax_pass(Row row, Scratch & s) {
    scan_row(row, s.scan);
    (void) argmax(row, s.scan);
}

void weigh_pass(Row row, Scratch & s) { exp_sums(row, s.scan.max, 1.0f, s.sums); }

void top_k_pass(Row row, Scratch & s) { s.candidates.collect_top_k(row, s.scan, 40); }

void top_p_pass(Row row, Scratch & s) {
    const double total = exp_sums(row, s.scan.max, 1.0f, s.sums);
    s.candidates.collect_nucleus(row, s.scan, { s.scan.max, 1.0f }, total, 0.95);
}

// The first pass computes the scan that the other passes use.
const Pass PASSES[] = { { "argmax", argmax_pass }, { "exp sums", weigh_pass }, { "top-k 40", top_k_pass }, { "top-p 0.95", top_p_pass } };

} // namespace

void bench_rows(Crew & crew, double budget_s) {
    for (const int32_t n : VOCABULARIES) {
        std::vector<std::vector<float>> rows;
        for (int i = 0; i < NUM_ROWS; ++i) {
            rows.push_back(peaked_row(n, i + 1));
        }
        std::vector<Scratch> scratches(NUM_ROWS, Scratch(n));
        for (const Pass & pass : PASSES) {
            const double seconds = seconds_a_round(crew, budget_s, [&](int thread, int64_t) {
                for (int i = thread; i < NUM_ROWS; i += crew.n_threads) {
                    pass.run({ rows[i].data(), n }, scratches[i]);
                }
            });
            std::printf("{\"kind\":\"row\",\"pass\":\"%s\",\"vocabulary\":%d,\"seconds\":%.4e,\"bytes\":%.0f}\n", pass.name, n,
                        seconds / NUM_ROWS, 4.0 * n);
            std::fflush(stdout);
        }
    }
}

} // namespace pagoda_bench
