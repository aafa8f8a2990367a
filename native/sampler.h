// Turns one row of logits into a token: logit processing, sampling, log-probabilities. Deterministic:
// the random number is a function of (seed, output index) alone, so a request gives the same tokens
// whatever it is batched with. Runs on the step thread.
#pragma once

#include "row-scan.h"

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace pagoda {

constexpr int      MAX_LOGPROBS = 20;
constexpr uint32_t FLAG_BAN_END = 1;

// State of one request that lives beside the logits; see SamplerInit in src/runner/addon-types.ts.
struct SamplerInit {
    int32_t              n_vocab = 0;
    std::vector<int32_t> prompt_tokens;
    std::vector<int32_t> output_tokens;
    std::vector<int32_t> bias_ids;
    std::vector<float>   bias_values;
    std::vector<int32_t> allowed_ids; // empty = all
    std::vector<int32_t> end_ids;
};

class SamplerState {
public:
    explicit SamplerState(SamplerInit && init);

    void count(int32_t token); // a token was generated

    std::vector<int32_t>                 bias_ids;
    std::vector<float>                   bias_values;
    std::vector<int32_t>                 allowed_ids;
    std::vector<int32_t>                 end_ids;
    std::unordered_map<int32_t, int32_t> output_counts; // token -> times generated
    std::vector<int32_t>                 seen;          // distinct tokens of prompt and output

private:
    void see(int32_t token);

    std::vector<bool> is_seen; // [n_vocab]
};

// States by handle; handles start at 1 and are not reused.
class SamplerPool {
public:
    int32_t        create(SamplerInit && init);
    bool           release(int32_t handle);
    SamplerState * find(int32_t handle) const; // null = unknown

private:
    std::unordered_map<int32_t, std::unique_ptr<SamplerState>> states;
    int32_t                                                    next = 1;
};

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
    int32_t  num_logprobs; // -1 = none
    int32_t  target;       // -1 = sample, else score this token
};

struct SampleRow : SampleParams {
    const float *  logits; // [n_vocab], not modified
    int32_t        n_vocab;
    SamplerState * state; // null = none
};

struct SampleResult {
    int32_t token;
    float   logprob;
    int32_t rank;                       // 1 = the likeliest
    int32_t top_ids[MAX_LOGPROBS];      // [num_logprobs] valid, likeliest first
    float   top_logprobs[MAX_LOGPROBS]; // parallel to top_ids
    bool    has_nan;
};

struct Candidate {
    float   logit;
    int32_t id;
    float   weight; // exp((logit - max) / temperature)
};

// Buffers reused from row to row; holds nothing between rows.
struct SampleScratch {
    RowScan                raw;       // of the unmodified logits
    RowScan                processed; // of `logits`
    std::vector<float>     logits;    // [n_vocab], where a state changed them
    std::vector<float>     sums;      // [blocks]
    std::vector<float>     maxima;    // [blocks]
    std::vector<Candidate> candidates;
};

// Fills `result`. A row with a NaN gives token 0, or the target, with log-probability 0 and has_nan.
// Log-probabilities are at least -9999, so that they are finite in JSON. Counts the sampled token in
// row.state; a scored target moves nothing.
void sample_row(const SampleRow & row, SampleScratch & scratch, SampleResult & result);

} // namespace pagoda
