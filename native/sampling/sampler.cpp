// Works in vLLM's order: the request's processors, temperature, min-p, top-k, top-p. Log-probabilities and ranks
// are computed from the unmodified logits unless a flag asks for the processed ones. A greedy row takes one pass over its logits (which the head may already
// have made, see head/head.h), and a random row takes two. Top-k, top-p and min-p then work on a small part of the
// row, see candidates.h.

#include "sampling/sampler.h"

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>

namespace pagoda {

namespace {

constexpr float MIN_LOGPROB = -9999.0f;

// A row with its scan: the raw row or the processed row.
struct ScannedRow {
    Row             row;
    const RowScan & scan;

    // Infinities would yield inf - inf; with FLT_MAX instead, a logit of +inf correctly gets all the mass.
    float finite_max() const { return std::clamp(scan.max, -FLT_MAX, FLT_MAX); }
};

bool is_greedy(const SampleParams & params) { return params.temperature < 1e-5f; }

bool is_cut(const SampleParams & params, int32_t n_vocab) {
    return (params.top_k > 0 && params.top_k < n_vocab) || params.top_p < 1.0f || params.min_p > 0.0f;
}

uint64_t mix(uint64_t z) { // the finalizer of splitmix64
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

// Uniform in [0, 1). The seed is mixed first, so that neighboring seeds do not share a sequence.
double uniform(uint64_t seed, int32_t index) {
    const uint64_t z = mix(mix(seed + 0x9e3779b97f4a7c15ull) + 0x9e3779b97f4a7c15ull * ((uint64_t) index + 1));
    return (double) (z >> 11) * 0x1.0p-53;
}

// Log-probabilities and sampling at temperature 1 share one pass.
const RowMass & mass_of(const ScannedRow & from, float scale, RowMass & mass) {
    if (mass.x != from.row.x || mass.scale != scale) {
        mass.x     = from.row.x;
        mass.scale = scale;
        mass.total = exp_sums(from.row, from.finite_max(), scale, mass.sums);
    }
    return mass;
}

// Samples from the whole row: first the block, by the sums of the blocks, then the token within it.
int32_t draw_from_row(const ScannedRow & from, float scale, double u, RowMass & scratch) {
    const RowMass & mass = mass_of(from, scale, scratch);
    double left = u * mass.total;
    int32_t block = 0;
    while (block + 1 < from.row.blocks() && left >= mass.sums[block]) {
        left -= mass.sums[block++];
    }
    std::array<float, ROW_BLOCK> weights;
    weigh_block(from.row, block, from.finite_max(), scale, weights.data());
    int32_t last = -1;
    for (int32_t i = 0; i < ROW_BLOCK && left >= 0; ++i) {
        if (weights[i] > 0) {
            last = i;
            left -= weights[i];
        }
    }
    return last < 0 ? argmax(from.row, from.scan) : block * ROW_BLOCK + last; // rounding chose a block that weighs nothing
}

// Fills `candidates` with the tokens that remain after min-p, top-k and top-p. At least one remains.
void choose_candidates(const SampleParams & params, const ScannedRow & from, float scale, SampleScratch & scratch) {
    const Weighing weighing = { from.finite_max(), scale };
    const float    floor    = std::min(params.min_p, 1.0f); // the likeliest token weighs 1
    const double   p        = std::max(params.top_p, 0.0f);
    Candidates &   candidates = scratch.candidates;
    Cut cut = { NEG_INF, from.row.n };
    if (params.top_k > 0 && params.top_k < from.row.n) {
        cut = candidates.collect_top_k(from.row, from.scan, params.top_k);
    } else if (params.min_p > 0) {
        candidates.collect_above(from.row, from.scan, Candidates::bound_of(floor, weighing));
    } else {
        candidates.collect_nucleus(from.row, from.scan, weighing, mass_of(from, scale, scratch.mass).total, p);
        return;
    }
    candidates.weigh(weighing);
    candidates.keep(cut);
    if (params.min_p > 0) {
        candidates.keep_heavy(floor);
    }
    if (p < 1.0) {
        candidates.keep_mass(p * candidates.total());
    }
}

// Applies the request's state to the row. Returns false if no token is left.
bool process(const SampleRow & request, SampleScratch & scratch) {
    const Row raw = { request.logits, request.n_vocab };
    const bool ban_end   = (request.flags & FLAG_BAN_END) != 0;
    const bool ban_words = !request.state->bad_words.empty();
    Penalties penalties = { request.presence, request.frequency, request.repetition, ban_end, ban_words };
    scratch.processed.apply(raw, scratch.raw, *request.state, penalties);
    if (scratch.processed.scan.max == NEG_INF && ban_words) {
        penalties.ban_words = false; // the grammar or the allowed ids leave only bad words
        scratch.processed.apply(raw, scratch.raw, *request.state, penalties);
    }
    if (scratch.processed.scan.max == NEG_INF && request.state->matcher && ban_end) {
        penalties.ban_end = false; // the grammar has ended before min_tokens
        scratch.processed.apply(raw, scratch.raw, *request.state, penalties);
    }
    return scratch.processed.scan.max != NEG_INF;
}

// Returns -1 if the request's grammar leaves no token.
int32_t sample_token(const SampleRow & request, SampleScratch & scratch) {
    const Row raw = { request.logits, request.n_vocab };
    if (request.state && !process(request, scratch)) {
        return request.state->matcher ? -1 : argmax(raw, scratch.raw);
    }
    const ScannedRow from = request.state ? ScannedRow{ { scratch.processed.logits.data(), raw.n }, scratch.processed.scan }
                                          : ScannedRow{ raw, scratch.raw };
    if (is_greedy(request) || from.scan.max == NEG_INF) {
        return argmax(from.row, from.scan);
    }
    const float  scale = 1.0f / std::max(request.temperature, 0.01f);
    const double u     = uniform(request.seed, request.output_index);
    if (!is_cut(request, raw.n)) {
        return draw_from_row(from, scale, u, scratch.mass);
    }
    choose_candidates(request, from, scale, scratch);
    return scratch.candidates.draw(u);
}

// Returns -1 if no token is allowed, or if the grammar has exceeded a limit.
int32_t allowed_token(const SampleRow & request, SampleScratch & scratch) {
    const bool has_grammar = request.state && request.state->matcher;
    return has_grammar && !request.state->matcher->mask() ? -1 : sample_token(request, scratch);
}

// Builds the row that sample_token() drew from: processed, divided by the temperature, and cut; other tokens are -inf.
ScannedRow processed_row(const SampleRow & request, SampleScratch & scratch) {
    const Row  raw       = { request.logits, request.n_vocab };
    const bool is_random = !is_greedy(request);
    const float   scale  = is_random ? 1.0f / std::max(request.temperature, 0.01f) : 1.0f;
    const float * logits = request.state ? scratch.processed.logits.data() : raw.x;
    std::vector<float> & row = scratch.reported;
    row.assign((size_t) raw.blocks() * ROW_BLOCK, NEG_INF);
    const float   max    = request.state ? scratch.processed.scan.max : scratch.raw.max;
    if (is_random && max != NEG_INF && is_cut(request, raw.n)) {
        scratch.candidates.copy_kept(row.data());
    } else {
        std::copy(logits, logits + raw.n, row.begin());
    }
    std::transform(row.begin(), row.begin() + raw.n, row.begin(), [scale](float x) { return x * scale; });
    const Row shown = { row.data(), raw.n };
    scan_row(shown, scratch.reported_scan);
    return { shown, scratch.reported_scan };
}

void report(const SampleRow & request, SampleScratch & scratch, SampleResult & result) {
    const bool is_processed = request.target < 0 && (request.flags & FLAG_REPORT_PROCESSED) != 0;
    const bool is_logits    = request.target < 0 && (request.flags & FLAG_REPORT_LOGITS) != 0;
    const ScannedRow from = is_processed ? processed_row(request, scratch)
                                         : ScannedRow{ { request.logits, request.n_vocab }, scratch.raw };
    const float log_sum = is_logits ? 0.0f : from.finite_max() + (float) std::log(mass_of(from, 1.0f, scratch.mass).total);
    const float most    = is_logits ? FLT_MAX : 0.0f;
    const auto  logprob = [log_sum, most](float logit) {
        const float value = logit - log_sum;
        return value > MIN_LOGPROB ? std::min(value, most) : MIN_LOGPROB; // also covers -inf - -inf
    };
    const float chosen = from.row.x[result.token];
    result.logprob = logprob(chosen);
    result.rank    = count_greater(from.row, from.scan, chosen) + 1;
    const auto k = (int32_t) result.top_ids.size();
    if (k > 0) {
        scratch.candidates.list_top_k(from.row, from.scan, k, result.top_ids.data());
        std::transform(result.top_ids.begin(), result.top_ids.end(), result.top_logprobs.begin(),
                       [&](int32_t id) { return logprob(from.row.x[id]); });
    }
}

} // namespace

bool is_argmax_enough(const SampleParams & params) {
    return is_greedy(params) && params.target < 0 && params.num_logprobs < 0;
}

bool is_only_masked(const SampleParams & params, const SamplerState & state) {
    const bool has_penalties = params.presence != 0 || params.frequency != 0 || params.repetition != 1;
    const bool bans_end      = (params.flags & FLAG_BAN_END) != 0;
    return state.matcher && !has_penalties && !bans_end && state.bias_ids.empty() && state.allowed_ids.empty() && state.bad_words.empty();
}

void skip_row(const SampleRow & row, SampleResult & result) {
    const int32_t k = std::clamp(row.num_logprobs, 0, row.n_vocab);
    result = {};
    result.token = -1;
    result.top_ids.resize(k);
    result.top_logprobs.resize(k);
}

void sample_row(const SampleRow & row, SampleScratch & scratch, SampleResult & result) {
    const Row logits = { row.logits, row.n_vocab };
    if (row.maxima) {
        load_scan(logits, row.maxima, scratch.raw);
    } else {
        scan_row(logits, scratch.raw);
    }
    scratch.mass.x = nullptr;
    skip_row(row, result);
    result.has_nan = scratch.raw.has_nan;
    const bool has_grammar = row.target < 0 && row.state && row.state->matcher;
    if (result.has_nan) {
        result.token      = row.target >= 0 ? row.target : 0;
        result.is_refused = has_grammar;
        return;
    }
    result.token = row.target >= 0 ? row.target : allowed_token(row, scratch);
    if (result.token < 0 && has_grammar && row.state->is_grammar_optional) {
        row.state->matcher = nullptr;
        result.is_dropped  = true;
        result.token       = sample_token(row, scratch);
    }
    if (result.token < 0) {
        result.token      = 0;
        result.is_refused = true;
        return;
    }
    if (row.num_logprobs >= 0) {
        report(row, scratch, result);
    }
    if (row.state && row.target < 0) {
        row.state->count(result.token);
    }
}

} // namespace pagoda
