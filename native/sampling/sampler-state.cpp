// Applies the processors in vLLM's order: grammar, allowed ids, bad words, end-token ban, bias, penalties.

#include "sampling/sampler-state.h"

#include <algorithm>

namespace pagoda {

namespace {

bool is_in(const uint32_t * mask, int32_t id) { return (mask[id / 32] >> (id % 32) & 1) != 0; }

} // namespace

SamplerState::SamplerState(SamplerInit && init)
    : bias_ids(std::move(init.bias_ids)), bias_values(std::move(init.bias_values)),
      allowed_ids(std::move(init.allowed_ids)), end_ids(std::move(init.end_ids)),
      bad_words(std::move(init.bad_words)), matcher(init.grammar ? init.grammar->start() : nullptr),
      is_grammar_optional(init.is_grammar_optional) {
    for (int32_t token : init.prompt_tokens) {
        see(token);
    }
    for (int32_t token : init.output_tokens) {
        count(token);
    }
}

SeenToken & SamplerState::see(int32_t token) {
    const auto [it, is_new] = places.try_emplace(token, (int32_t) seen.size());
    if (is_new) {
        seen.push_back({ token, 0 });
    }
    return seen[it->second];
}

void SamplerState::count(int32_t token) {
    see(token).output_count++;
    if (!bad_words.empty()) {
        output.push_back(token);
    }
    if (matcher) {
        matcher->consume(token);
    }
}

bool SamplerState::completes(const std::vector<int32_t> & word) const {
    const size_t n = word.size() - 1;
    return output.size() >= n && std::equal(word.begin(), word.end() - 1, output.end() - (ptrdiff_t) n);
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

template <class F> void ProcessedRow::change(int32_t id, F && next) {
    logits[id] = next(logits[id]);
    changed[id / ROW_BLOCK] = 1;
}

void ProcessedRow::start_empty() {
    std::fill(logits.begin(), logits.end(), NEG_INF);
    std::fill(scan.maxima.begin(), scan.maxima.end(), NEG_INF);
}

void ProcessedRow::start(Row raw, const RowScan & raw_scan, const SamplerState & state) {
    logits.resize((size_t) raw.blocks() * ROW_BLOCK);
    scan.maxima.resize(raw.blocks());
    changed.assign(raw.blocks(), 0);
    const uint32_t * mask = state.matcher ? state.matcher->mask() : nullptr;
    if (!state.allowed_ids.empty()) {
        start_empty();
        for (int32_t id : state.allowed_ids) {
            if (!mask || is_in(mask, id)) {
                change(id, [&](float) { return raw.x[id]; });
            }
        }
    } else if (mask) {
        start_empty();
        copy_masked(raw, mask);
    } else {
        std::fill(std::copy(raw.x, raw.x + raw.n, logits.begin()), logits.end(), NEG_INF);
        std::copy(raw_scan.maxima.begin(), raw_scan.maxima.end(), scan.maxima.begin());
    }
}

// Skips tokens a word at a time: most masks allow either few tokens or nearly all.
void ProcessedRow::copy_masked(Row raw, const uint32_t * mask) {
    for (int32_t first = 0; first < raw.n; first += 32) {
        const uint32_t word = mask[first / 32];
        if (word == 0) {
            continue;
        }
        const int32_t n = std::min(32, raw.n - first);
        for (int32_t i = 0; i < n; ++i) {
            logits[first + i] = (word >> i & 1) != 0 ? raw.x[first + i] : NEG_INF;
        }
        changed[first / ROW_BLOCK] = 1;
    }
}

void ProcessedRow::ban_bad_words(const SamplerState & state) {
    for (const std::vector<int32_t> & word : state.bad_words) {
        if (state.completes(word)) {
            change(word.back(), [](float) { return NEG_INF; });
        }
    }
}

void ProcessedRow::penalize(const SamplerState & state, const Penalties & penalties) {
    const float repetition = penalties.repetition;
    if (repetition != 1.0f) {
        for (const SeenToken & token : state.seen) {
            change(token.id, [repetition](float x) { return x > 0 ? x / repetition : x * repetition; });
        }
    }
    if (penalties.frequency == 0.0f && penalties.presence == 0.0f) {
        return;
    }
    for (const SeenToken & token : state.seen) {
        if (token.output_count > 0) {
            const float penalty = penalties.frequency * (float) token.output_count + penalties.presence;
            change(token.id, [penalty](float x) { return x - penalty; });
        }
    }
}

void ProcessedRow::apply(Row raw, const RowScan & raw_scan, const SamplerState & state, const Penalties & penalties) {
    start(raw, raw_scan, state);
    if (penalties.ban_words) {
        ban_bad_words(state);
    }
    if (penalties.ban_end) {
        for (int32_t id : state.end_ids) {
            change(id, [](float) { return NEG_INF; });
        }
    }
    for (size_t i = 0; i < state.bias_ids.size(); ++i) {
        change(state.bias_ids[i], [bias = state.bias_values[i]](float x) { return x + bias; });
    }
    penalize(state, penalties);
    rescan_blocks({ logits.data(), raw.n }, changed, scan);
}

} // namespace pagoda
