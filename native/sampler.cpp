// Order of the processors as in vLLM: allowed ids, ban of end tokens, bias, penalties, temperature,
// min-p, top-k, top-p. Log-probabilities and ranks are those of the unmodified logits. The vocabulary is
// never sorted: bounds from block maxima and from the tail's mass leave few candidates.

#include "sampler.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace pagoda {

namespace {

constexpr float NEG_INF     = -std::numeric_limits<float>::infinity();
constexpr float MIN_LOGPROB = -9999.0f;

uint64_t mix(uint64_t z) { // the finaliser of splitmix64
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

// Uniform in [0, 1). The seed is mixed first, so that neighbouring seeds do not share a sequence.
double uniform(uint64_t seed, int32_t index) {
    const uint64_t z = mix(mix(seed + 0x9e3779b97f4a7c15ull) + 0x9e3779b97f4a7c15ull * ((uint64_t) index + 1));
    return (double) (z >> 11) * 0x1.0p-53;
}

bool likelier(const Candidate & a, const Candidate & b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

// Infinities would give inf - inf; FLT_MAX in their place gives +inf all the mass, as it should be.
float finite(float max) { return std::clamp(max, -FLT_MAX, FLT_MAX); }

float weight_of(float logit, float max, float scale) {
    return std::exp(std::min((logit - max) * scale, 0.0f));
}

void keep_allowed(const std::vector<int32_t> & allowed, const float * raw, std::vector<float> & logits) {
    std::fill(logits.begin(), logits.end(), NEG_INF);
    for (int32_t id : allowed) {
        logits[id] = raw[id];
    }
}

void apply_penalties(const SampleRow & row, std::vector<float> & logits) {
    const SamplerState & state = *row.state;
    if (row.repetition != 1.0f) {
        for (int32_t id : state.seen) {
            logits[id] = logits[id] > 0 ? logits[id] / row.repetition : logits[id] * row.repetition;
        }
    }
    if (row.frequency != 0.0f || row.presence != 0.0f) {
        for (const auto & [id, count] : state.output_counts) {
            logits[id] -= row.frequency * (float) count + row.presence;
        }
    }
}

// The row after its request's own processors.
void apply_state(const SampleRow & row, std::vector<float> & logits) {
    const SamplerState & state = *row.state;
    logits.assign(row.logits, row.logits + row.n_vocab);
    if (!state.allowed_ids.empty()) {
        keep_allowed(state.allowed_ids, row.logits, logits);
    }
    if (row.flags & FLAG_BAN_END) {
        for (int32_t id : state.end_ids) {
            logits[id] = NEG_INF;
        }
    }
    for (size_t i = 0; i < state.bias_ids.size(); ++i) {
        logits[state.bias_ids[i]] += state.bias_values[i];
    }
    apply_penalties(row, logits);
}

// The k-th highest block maximum: at least k values of the row are not below it.
float kth_bound(const RowScan & scan, int32_t k, std::vector<float> & maxima) {
    if (k > (int32_t) scan.maxima.size()) {
        return NEG_INF;
    }
    maxima = scan.maxima;
    std::nth_element(maxima.begin(), maxima.begin() + (k - 1), maxima.end(), std::greater<float>());
    return maxima[k - 1];
}

// All ids whose logit is at least `bound`, ascending.
void collect(Row row, const RowScan & scan, float bound, std::vector<Candidate> & candidates) {
    candidates.clear();
    for (int32_t block = 0; block < row.blocks(); ++block) {
        if (!(scan.maxima[block] >= bound)) {
            continue;
        }
        for (int32_t id = block * ROW_BLOCK; id < row.block_end(block); ++id) {
            if (row.x[id] >= bound) {
                candidates.push_back({ row.x[id], id, 0.0f });
            }
        }
    }
}

// The k likeliest ids of a row in no particular order; ties at the border go to lower ids.
void collect_top_k(Row row, const RowScan & scan, int32_t k, SampleScratch & scratch) {
    auto & candidates = scratch.candidates;
    collect(row, scan, kth_bound(scan, k, scratch.maxima), candidates);
    if (k < (int32_t) candidates.size()) {
        std::nth_element(candidates.begin(), candidates.begin() + k, candidates.end(), likelier);
        candidates.resize(k);
    }
}

using CandidateIterator = std::vector<Candidate>::const_iterator;

double total_weight(CandidateIterator begin, CandidateIterator end) {
    return std::accumulate(begin, end, 0.0, [](double sum, const Candidate & candidate) { return sum + candidate.weight; });
}

// Keeps the likeliest candidates, as few as weigh `mass` together: a quickselect by weight, never a sort.
void keep_mass(std::vector<Candidate> & candidates, double mass) {
    auto begin = candidates.begin(), end = candidates.end(); // kept before begin, dropped from end
    while (end - begin > 1) {
        const auto middle = begin + (end - begin) / 2;
        std::nth_element(begin, middle, end, likelier);
        const double heavier = total_weight(begin, middle);
        if (heavier >= mass) {
            end = middle;
        } else {
            mass -= heavier;
            begin = middle;
        }
    }
    candidates.erase(end, candidates.end());
}

// Samples from the whole row: the block by the blocks' sums, then the token within it.
int32_t draw_from_row(Row row, const RowScan & scan, float scale, double u, std::vector<float> & sums) {
    const float max = finite(scan.max);
    double left = u * exp_sums(row, max, scale, sums);
    int32_t block = 0;
    while (block + 1 < row.blocks() && left >= sums[block]) {
        left -= sums[block++];
    }
    int32_t last = argmax(row, scan); // where rounding leaves a block without weight
    for (int32_t id = block * ROW_BLOCK; id < row.block_end(block); ++id) {
        const float weight = weight_of(row.x[id], max, scale);
        if (weight > 0) {
            last = id;
            left -= weight;
            if (left < 0) {
                break;
            }
        }
    }
    return last;
}

int32_t draw_from_candidates(const std::vector<Candidate> & candidates, double u) {
    double left = u * total_weight(candidates.begin(), candidates.end());
    int32_t last = candidates.front().id;
    for (const Candidate & candidate : candidates) {
        if (candidate.weight > 0) {
            last = candidate.id;
            left -= candidate.weight;
            if (left < 0) {
                break;
            }
        }
    }
    return last; // rounding may leave a rest
}

// Fills scratch.candidates with what min-p, top-k and top-p leave; never empty.
void choose_candidates(const SampleRow & request, Row row, const RowScan & scan, float scale, SampleScratch & scratch) {
    const float max = finite(scan.max);
    const float p   = std::max(request.top_p, 0.0f);
    auto & candidates = scratch.candidates;
    double total = 0; // of what top-p is a share of; 0 = the candidates
    if (request.top_k > 0 && request.top_k < row.n) {
        collect_top_k(row, scan, request.top_k, scratch);
    } else if (request.min_p > 0) {
        collect(row, scan, max + std::log(std::min(request.min_p, 1.0f)) / scale, candidates);
    } else {
        // Tokens lighter than (1 - p) * total / n weigh less than the tail together. Half of it, for rounding.
        total = exp_sums(row, max, scale, scratch.sums);
        collect(row, scan, max + (float) std::log(0.5 * (1.0 - p) * total / row.n) / scale, candidates);
    }
    for (Candidate & candidate : candidates) {
        candidate.weight = weight_of(candidate.logit, max, scale);
    }
    if (request.min_p > 0) {
        const float floor = std::min(request.min_p, 1.0f); // the likeliest token weighs 1
        const auto light = [floor](const Candidate & candidate) { return candidate.weight < floor; };
        candidates.erase(std::remove_if(candidates.begin(), candidates.end(), light), candidates.end());
    }
    if (p < 1.0f) {
        keep_mass(candidates, p * (total > 0 ? total : total_weight(candidates.begin(), candidates.end())));
    }
}

int32_t sample_token(const SampleRow & request, SampleScratch & scratch) {
    Row row = { request.logits, request.n_vocab };
    const RowScan * scan = &scratch.raw;
    if (request.state) {
        apply_state(request, scratch.logits);
        const Row processed = { scratch.logits.data(), request.n_vocab };
        scan_row(processed, scratch.processed);
        if (scratch.processed.max > NEG_INF) { // else nothing is allowed
            row  = processed;
            scan = &scratch.processed;
        }
    }
    if (request.temperature < 1e-5f || scan->max == NEG_INF || (request.state && row.x == request.logits)) {
        return argmax(row, *scan);
    }
    const float  scale = 1.0f / std::max(request.temperature, 0.01f);
    const double u     = uniform(request.seed, request.output_index);
    const bool   whole = (request.top_k <= 0 || request.top_k >= row.n) && request.top_p >= 1.0f && request.min_p <= 0.0f;
    if (whole) {
        return draw_from_row(row, *scan, scale, u, scratch.sums);
    }
    choose_candidates(request, row, *scan, scale, scratch);
    return draw_from_candidates(scratch.candidates, u);
}

void report(const SampleRow & request, SampleScratch & scratch, SampleResult & result) {
    const Row   row     = { request.logits, request.n_vocab };
    const float max     = finite(scratch.raw.max);
    const float log_sum = max + (float) std::log(exp_sums(row, max, 1.0f, scratch.sums));
    const auto  logprob = [log_sum](float logit) {
        const float value = logit - log_sum;
        return value > MIN_LOGPROB ? std::min(value, 0.0f) : MIN_LOGPROB; // also of -inf - -inf
    };
    result.logprob = logprob(row.x[result.token]);
    result.rank    = count_greater(row, row.x[result.token]) + 1;
    const int32_t k = std::min(request.num_logprobs, row.n);
    if (k == 0) {
        return;
    }
    auto & top = scratch.candidates;
    collect_top_k(row, scratch.raw, k, scratch);
    std::sort(top.begin(), top.end(), likelier);
    for (int32_t i = 0; i < (int32_t) top.size(); ++i) {
        result.top_ids[i]      = top[i].id;
        result.top_logprobs[i] = logprob(top[i].logit);
    }
}

} // namespace

SamplerState::SamplerState(SamplerInit && init)
    : bias_ids(std::move(init.bias_ids)), bias_values(std::move(init.bias_values)),
      allowed_ids(std::move(init.allowed_ids)), end_ids(std::move(init.end_ids)), is_seen(init.n_vocab, false) {
    for (int32_t token : init.prompt_tokens) {
        see(token);
    }
    for (int32_t token : init.output_tokens) {
        count(token);
    }
}

void SamplerState::see(int32_t token) {
    if (!is_seen[token]) {
        is_seen[token] = true;
        seen.push_back(token);
    }
}

void SamplerState::count(int32_t token) {
    see(token);
    output_counts[token]++;
}

int32_t SamplerPool::create(SamplerInit && init) {
    const int32_t handle = next++;
    states.emplace(handle, std::make_unique<SamplerState>(std::move(init)));
    return handle;
}

bool SamplerPool::release(int32_t handle) { return states.erase(handle) > 0; }

SamplerState * SamplerPool::find(int32_t handle) const {
    const auto it = states.find(handle);
    return it == states.end() ? nullptr : it->second.get();
}

void sample_row(const SampleRow & row, SampleScratch & scratch, SampleResult & result) {
    scan_row({ row.logits, row.n_vocab }, scratch.raw);
    result = {};
    result.has_nan = scratch.raw.has_nan;
    if (result.has_nan) {
        result.token = row.target >= 0 ? row.target : 0;
        return;
    }
    result.token = row.target >= 0 ? row.target : sample_token(row, scratch);
    if (row.num_logprobs >= 0) {
        report(row, scratch, result);
    }
    if (row.state && row.target < 0) {
        row.state->count(result.token);
    }
}

} // namespace pagoda
