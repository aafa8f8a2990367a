// Turns one row of logits into a token: logit processing, sampling, log-probabilities. Deterministic:
// the random number is a function of (seed, output index) alone, so a request gives the same tokens
// whatever it is batched with. Runs on the step thread.
#pragma once

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

struct SampleRow {
    const float *  logits; // [n_vocab], not modified
    int32_t        n_vocab;
    float          temperature;
    int32_t        top_k;
    float          top_p;
    float          min_p;
    float          presence;
    float          frequency;
    float          repetition;
    uint64_t       seed;
    int32_t        output_index;
    uint32_t       flags;
    int32_t        num_logprobs; // -1 = none
    int32_t        target;       // -1 = sample, else score this token
    SamplerState * state;        // null = none
};

struct SampleResult {
    int32_t token;
    float   logprob;
    int32_t rank;
    int32_t top_ids[MAX_LOGPROBS];
    float   top_logprobs[MAX_LOGPROBS];
    bool    has_nan;
};

// Reused from row to row.
struct SampleScratch {
    std::vector<float>   logits;
    std::vector<float>   weights;
    std::vector<int32_t> candidates;
};

void sample_row(const SampleRow & row, SampleScratch & scratch, SampleResult & result);

} // namespace pagoda
