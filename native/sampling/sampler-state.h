// Sampling state of one request, and the changes that it makes to the logits: grammar, allowed ids, bad words,
// end-token ban, bias, penalties. The JS thread changes the pool between steps; only the thread that samples a row changes its state.
#pragma once

#include "grammar/grammar.h"
#include "sampling/row-scan.h"

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace pagoda {

// See SamplerInit in src/runner/addon-types.ts.
struct SamplerInit {
    int32_t              n_vocab = 0;
    std::vector<int32_t> prompt_tokens;
    std::vector<int32_t> output_tokens;
    std::vector<int32_t> bias_ids;
    std::vector<float>   bias_values;
    std::vector<int32_t> allowed_ids; // empty = all
    std::vector<int32_t> end_ids;
    std::vector<std::vector<int32_t>> bad_words; // none empty
    std::shared_ptr<const Grammar> grammar; // null = none
    bool is_grammar_optional = false;
};

struct SeenToken {
    int32_t id;
    int32_t output_count; // number of times that the token was generated
};

class SamplerState {
public:
    explicit SamplerState(SamplerInit && init);

    void count(int32_t token); // counts a generated token and advances the grammar
    bool completes(const std::vector<int32_t> & word) const; // whether the output ends with all but the word's last token

    std::vector<int32_t>   bias_ids;
    std::vector<float>     bias_values;
    std::vector<int32_t>   allowed_ids;
    std::vector<int32_t>   end_ids;
    std::vector<std::vector<int32_t>> bad_words;
    std::vector<SeenToken> seen; // distinct tokens in the prompt and the output
    std::unique_ptr<Matcher> matcher; // null = no grammar
    bool                   is_grammar_optional; // the output continues without the grammar when it leaves no token

private:
    SeenToken & see(int32_t token);

    std::vector<int32_t> output; // generated tokens, only if there are bad words

    std::unordered_map<int32_t, int32_t> places; // token -> index in `seen`
};

// Sampler states, keyed by handle. Handles start at 1 and are not reused.
class SamplerPool {
public:
    int32_t        create(SamplerInit && init);
    bool           release(int32_t handle);
    SamplerState * find(int32_t handle) const; // null = unknown

private:
    std::unordered_map<int32_t, std::unique_ptr<SamplerState>> states;
    int32_t                                                    next = 1;
};

struct Penalties {
    float presence;
    float frequency;
    float repetition;
    bool  ban_end;
    bool  ban_words;
};

// The row after the request's processors have been applied.
struct ProcessedRow {
    std::vector<float>   logits; // [n_vocab], padded to whole blocks with -inf
    RowScan              scan;
    std::vector<uint8_t> changed; // [blocks] 1 = needs a rescan

    // Visits only the tokens that the state names; the other logits and their scan are copied. The state's mask must
    // be computed and not null.
    void apply(Row raw, const RowScan & raw_scan, const SamplerState & state, const Penalties & penalties);

private:
    template <class F> void change(int32_t id, F && next);
    void start(Row raw, const RowScan & raw_scan, const SamplerState & state);
    void start_empty();
    void copy_masked(Row raw, const uint32_t * mask);
    void ban_bad_words(const SamplerState & state);
    void penalize(const SamplerState & state, const Penalties & penalties);
};

} // namespace pagoda
