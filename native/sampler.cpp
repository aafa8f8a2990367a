// Order of the processors as in vLLM: allowed ids, ban of end tokens, bias, penalties, temperature,
// min-p, top-k, top-p. Log-probabilities and ranks are those of the unmodified logits.

#include "sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define PAGODA_CLONES __attribute__((target_clones("avx512f", "avx2", "default"), optimize("O3", "fast-math")))
#else
#define PAGODA_CLONES
#endif

namespace pagoda {

namespace {

constexpr float NEG_INF = -std::numeric_limits<float>::infinity();

// A NaN or an infinity has all exponent bits set; integer tests survive fast-math.
PAGODA_CLONES bool any_nan(const float * x, int n) {
    const auto * bits = reinterpret_cast<const uint32_t *>(x);
    uint32_t found = 0;
    for (int i = 0; i < n; ++i) {
        found |= (bits[i] & 0x7fffffffu) > 0x7f800000u ? 1u : 0u;
    }
    return found != 0;
}

PAGODA_CLONES float max_of(const float * x, int n) {
    float m = x[0];
    for (int i = 1; i < n; ++i) {
        m = x[i] > m ? x[i] : m;
    }
    return m;
}

PAGODA_CLONES int count_greater(const float * x, int n, float value) {
    int count = 0;
    for (int i = 0; i < n; ++i) {
        count += x[i] > value ? 1 : 0;
    }
    return count;
}

// out[i] = exp((x[i] - m) * scale), 0 below -87; returns their sum
PAGODA_CLONES float exp_all(const float * x, int n, float m, float scale, float * out) {
    float sum = 0.0f;
    for (int i = 0; i < n; ++i) {
        float t = (x[i] - m) * scale;
        t = t < -87.0f ? -87.0f : t;
        // 2^k * e^r with k rounded; relative error below 3e-7
        const float k = std::floor(t * 1.44269504f + 0.5f);
        float r = t - k * 0.693359375f;
        r = r + k * 2.12194440e-4f;
        float p = 1.0f / 720;
        p = p * r + 1.0f / 120;
        p = p * r + 1.0f / 24;
        p = p * r + 1.0f / 6;
        p = p * r + 0.5f;
        p = p * r + 1.0f;
        p = p * r + 1.0f;
        union { int32_t i; float f; } two_k;
        two_k.i = ((int32_t) k + 127) << 23;
        const float e = t <= -87.0f ? 0.0f : p * two_k.f;
        out[i] = e;
        sum += e;
    }
    return sum;
}

int32_t first_index_of(const float * x, int n, float value) {
    return (int32_t) (std::find(x, x + n, value) - x);
}

// Lowest id wins ties.
int32_t argmax(const float * x, int n) {
    return std::min(first_index_of(x, n, max_of(x, n)), n - 1);
}

// Uniform in [0, 1): splitmix64 of seed and index.
double uniform(uint64_t seed, int32_t index) {
    uint64_t z = seed + 0x9e3779b97f4a7c15ull * (uint64_t) (index + 1);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    return (double) (z >> 11) * 0x1.0p-53;
}

void keep_allowed(const std::vector<int32_t> & allowed, std::vector<float> & logits) {
    std::vector<float> kept;
    kept.reserve(allowed.size());
    for (int32_t id : allowed) {
        kept.push_back(logits[id]);
    }
    std::fill(logits.begin(), logits.end(), NEG_INF);
    for (size_t i = 0; i < allowed.size(); ++i) {
        logits[allowed[i]] = kept[i];
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

// Logits after the request's own processors; the row itself when it has none.
const float * processed(const SampleRow & row, SampleScratch & scratch) {
    if (!row.state) {
        return row.logits;
    }
    auto & logits = scratch.logits;
    logits.assign(row.logits, row.logits + row.n_vocab);
    if (!row.state->allowed_ids.empty()) {
        keep_allowed(row.state->allowed_ids, logits);
    }
    if (row.flags & FLAG_BAN_END) {
        for (int32_t id : row.state->end_ids) {
            logits[id] = NEG_INF;
        }
    }
    for (size_t i = 0; i < row.state->bias_ids.size(); ++i) {
        logits[row.state->bias_ids[i]] += row.state->bias_values[i];
    }
    apply_penalties(row, logits);
    return max_of(logits.data(), row.n_vocab) == NEG_INF ? row.logits : logits.data();
}

// Drops all but the `k` heaviest candidates; ties at the border go to lower ids.
void keep_top_k(std::vector<int32_t> & ids, const float * weights, int32_t k) {
    if (k <= 0 || k >= (int32_t) ids.size()) {
        return;
    }
    const auto heavier = [weights](int32_t a, int32_t b) {
        return weights[a] > weights[b] || (weights[a] == weights[b] && a < b);
    };
    std::nth_element(ids.begin(), ids.begin() + k, ids.end(), heavier);
    ids.resize(k);
}

// Keeps the heaviest candidates whose weights reach p of the whole. Looks at ever larger heads of the
// list, so that a peaked distribution never sorts the vocabulary.
void keep_top_p(std::vector<int32_t> & ids, const float * weights, float p) {
    if (p >= 1.0f) {
        return;
    }
    const auto heavier = [weights](int32_t a, int32_t b) {
        return weights[a] > weights[b] || (weights[a] == weights[b] && a < b);
    };
    double total = 0;
    for (int32_t id : ids) {
        total += weights[id];
    }
    double mass = 0;
    size_t done = 0;
    for (size_t head = 64; done < ids.size(); head *= 8) {
        const size_t end = std::min(head, ids.size());
        std::nth_element(ids.begin() + done, ids.begin() + end - 1, ids.end(), heavier);
        std::sort(ids.begin() + done, ids.begin() + end, heavier);
        for (; done < end; ++done) {
            mass += weights[ids[done]];
            if (mass >= p * total) {
                ids.resize(done + 1);
                return;
            }
        }
    }
}

int32_t draw(const std::vector<int32_t> & ids, const float * weights, double u) {
    double total = 0;
    for (int32_t id : ids) {
        total += weights[id];
    }
    double left = u * total;
    for (int32_t id : ids) {
        left -= weights[id];
        if (left < 0) {
            return id;
        }
    }
    return ids.back();
}

int32_t sample_token(const SampleRow & row, SampleScratch & scratch) {
    const float * logits = processed(row, scratch);
    if (row.temperature < 1e-5f) {
        return argmax(logits, row.n_vocab);
    }
    const float temperature = std::max(row.temperature, 0.01f);
    auto & weights = scratch.weights;
    weights.resize(row.n_vocab);
    exp_all(logits, row.n_vocab, max_of(logits, row.n_vocab), 1.0f / temperature, weights.data());

    // the likeliest token has weight 1, so min-p is a threshold on weights
    const float threshold = row.min_p;
    auto & ids = scratch.candidates;
    ids.clear();
    for (int32_t id = 0; id < row.n_vocab; ++id) {
        if (weights[id] > 0 && weights[id] >= threshold) {
            ids.push_back(id);
        }
    }
    keep_top_k(ids, weights.data(), row.top_k);
    keep_top_p(ids, weights.data(), row.top_p);
    // selection leaves an order that depends on the algorithm only, never on other rows
    return draw(ids, weights.data(), uniform(row.seed, row.output_index));
}

void report(const SampleRow & row, SampleScratch & scratch, SampleResult & result) {
    const float * x = row.logits;
    const int     n = row.n_vocab;
    const float   m = max_of(x, n);
    scratch.weights.resize(n);
    const float   log_sum = m + std::log(exp_all(x, n, m, 1.0f, scratch.weights.data()));
    const float   chosen  = x[result.token];
    result.logprob = std::max(chosen - log_sum, -9999.0f);
    result.rank    = count_greater(x, n, chosen) + 1;
    if (row.num_logprobs == 0) {
        return;
    }
    auto & ids = scratch.candidates;
    ids.resize(n);
    for (int32_t id = 0; id < n; ++id) {
        ids[id] = id;
    }
    const int k = std::min(row.num_logprobs, n);
    std::partial_sort(ids.begin(), ids.begin() + k, ids.end(), [x](int32_t a, int32_t b) {
        return x[a] > x[b] || (x[a] == x[b] && a < b);
    });
    for (int i = 0; i < k; ++i) {
        result.top_ids[i]      = ids[i];
        result.top_logprobs[i] = std::max(x[ids[i]] - log_sum, -9999.0f);
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
    result.has_nan = any_nan(row.logits, row.n_vocab);
    result.logprob = 0.0f;
    result.rank    = 0;
    if (result.has_nan) {
        result.token = row.target >= 0 ? row.target : 0;
        std::fill(result.top_ids, result.top_ids + MAX_LOGPROBS, 0);
        std::fill(result.top_logprobs, result.top_logprobs + MAX_LOGPROBS, 0.0f);
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
