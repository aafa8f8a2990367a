// Applies a request's processors to a row of logits, samples a token, and computes log-probabilities.
// Deterministic: the random number is a function of only (seed, output index), so a request yields the same tokens
// with any batch and any number of threads. One scratch per thread.
#pragma once

#include "sampling/candidates.h"
#include "sampling/row-scan.h"
#include "sampling/sampler-state.h"

#include <cstdint>
#include <vector>

namespace pagoda {

constexpr uint32_t FLAG_BAN_END          = 1;
constexpr uint32_t FLAG_REPORT_PROCESSED = 2;
constexpr uint32_t FLAG_REPORT_LOGITS    = 4;

// Bits of StepOutput.rowFaults.
constexpr uint8_t FAULT_NAN     = 1;
constexpr uint8_t FAULT_REFUSED = 2;
constexpr uint8_t FAULT_DROPPED = 4;

// Ranges and meaning: StepBatch in src/runner/addon-types.ts.
struct SampleParams {
    float    temperature;
    int32_t  top_k;
    float    top_p;
    float    min_p;
    float    presence;
    float    frequency;
    float    repetition;
    uint64_t seed;
    int32_t  output_index;
    uint32_t flags;
    int32_t  num_logprobs; // -1 = none; at most the vocabulary
    int32_t  target;       // -1 = sample, otherwise score this token
    int32_t  expected;     // draft token that the next row follows; -1 = the run of rows ends here
};

struct SampleRow : SampleParams {
    const float *  logits; // [n_vocab], not modified
    int32_t        n_vocab;
    SamplerState * state; // null = none
    const float *  maxima; // [blocks] maxima from a first pass over the logits, see load_scan(); null = no pass yet
};

struct SampleResult {
    int32_t token; // -1 = not sampled, because an earlier row of the run differed from its draft
    float   logprob;
    int32_t rank; // 1 = the likeliest
    bool    has_nan;
    bool    is_refused; // no token fits the grammar, or it exceeded a limit
    bool    is_dropped; // the same, but the grammar was optional, so it no longer applies

    std::vector<int32_t> top_ids;      // [num_logprobs] likeliest first; zeros if has_nan
    std::vector<float>   top_logprobs; // parallel to top_ids
};

// Softmax weights of a row at one temperature, summed over blocks.
struct RowMass {
    const float *      x = nullptr; // the row's logits
    float              scale;       // 1 / temperature
    double             total;
    std::vector<float> sums; // [blocks]
};

// Buffers reused from row to row; no data is kept between rows. Does not allocate after the first row.
struct SampleScratch {
    explicit SampleScratch(int32_t n_vocab) : candidates(n_vocab) {}

    RowScan      raw; // scan of the unmodified logits
    ProcessedRow processed;
    RowMass      mass;
    Candidates   candidates;
    std::vector<float> reported;      // [blocks of n_vocab] row that the token was drawn from, for FLAG_REPORT_PROCESSED
    RowScan            reported_scan; // of `reported`
};

// True if sampling a row without a state takes only the index of its largest logit and whether it contains a NaN.
bool is_argmax_enough(const SampleParams & params);

// True if the state changes a row's logits only by its grammar, which rules out tokens.
bool is_only_masked(const SampleParams & params, const SamplerState & state);

// Fills `result`. A row with a NaN yields token 0, or the target, with log-probability 0 and has_nan.
// Log-probabilities, or the logits reported instead, are at least -9999, so that they are finite in JSON. Counts the sampled token in
// row.state; a scored target does not change the state.
void sample_row(const SampleRow & row, SampleScratch & scratch, SampleResult & result);

// Fills `result` for a row that is not sampled: token -1, and zeros of the usual lengths.
void skip_row(const SampleRow & row, SampleResult & result);

} // namespace pagoda
