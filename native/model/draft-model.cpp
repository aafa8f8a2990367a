// The first pass of a step computes all tokens that the draft model lacks and predicts one token per sequence. Each
// following pass computes the tokens just predicted.

#include "model/draft-model.h"

#include "error-codes.h"
#include "model/abort-guard.h"
#include "text/vocabulary-match.h"

#include <algorithm>

namespace pagoda {

DraftModel::DraftModel(std::string file, int32_t n_gpu_layers, bool packs_weights, const ForwardPassParams & p)
    : header(read_model_header(file, p.kv_type)), path(std::move(file)), params(p), no_adapters(0, 1, {}), weights(path, n_gpu_layers, packs_weights) {}

void DraftModel::wake_weights(const llama_model * target) {
    if (weights.model()) {
        return;
    }
    check_same_model(header, read_model_header(weights.source(), params.kv_type), path);
    weights.load([](float) {});
    n_target_vocab = llama_vocab_n_tokens(llama_model_get_vocab(target));
    const std::string difference = vocabulary_difference(target, weights.model().get());
    if (!difference.empty()) {
        weights.unload();
        throw Error("model_unsupported", path + " cannot draft for this model: " + difference);
    }
}

void DraftModel::wake_kv_cache(ggml_threadpool * threads) {
    if (pass) {
        return;
    }
    const AbortGuard guard;
    pass = std::make_unique<ForwardPass>(weights.model().get(), params, no_adapters, threads);
    weights.note_buffers(pass->weight_bytes());
}

void DraftModel::prepare_sleep(SleepingWeights kept) {
    if (kept == SleepingWeights::keep) {
        return;
    }
    if (kept == SleepingWeights::copy && weights.model()) {
        weights.make_copy();
    }
    try {
        const std::string source = kept == SleepingWeights::drop ? path : weights.source();
        check_same_model(header, read_model_header(source, params.kv_type), path);
    } catch (...) {
        if (weights.model()) {
            weights.drop_copy();
        }
        throw;
    }
}

void DraftModel::sleep(SleepingWeights kept) {
    pass.reset();
    if (kept != SleepingWeights::keep) {
        weights.unload();
    }
    if (kept == SleepingWeights::drop) {
        weights.drop_copy();
    }
}

void DraftModel::check_reload() const { check_same_model(header, read_model_header(path, params.kv_type), path); }

DraftFault DraftModel::fill(StepBatch & batch) {
    DraftFault fault = DraftFault::failed;
    try {
        pass->copy_blocks(batch.copies);
        fault = batch.drafts.size() == 0 ? DraftFault::none : predict(batch);
    } catch (const std::exception &) {
        // reported as a fault in the step's drafts
    }
    std::replace(batch.tokens.begin(), batch.tokens.end(), MODEL_DRAFT, 0);
    for (OutputRow & row : batch.rows) {
        if (row.expected == MODEL_DRAFT) {
            row.expected = batch.tokens[row.token_row + 1];
        }
    }
    return fault;
}

DraftFault DraftModel::predict(StepBatch & batch) {
    start(batch);
    for (DraftFault fault = run(batch);; fault = run(batch)) {
        if (fault != DraftFault::none) {
            return fault;
        }
        advance(batch);
        if (predicted.empty()) {
            return DraftFault::none;
        }
    }
}

// Makes the first pass: for each sequence, the tokens to catch up on, followed by those before its drafts.
void DraftModel::start(const StepBatch & batch) {
    const DraftInput & d = batch.drafts;
    clear();
    for (size_t i = 0; i < d.size(); ++i) {
        const int32_t s = d.seqs[i];
        const auto begin = batch.tokens.begin() + batch.query_start[s], end = batch.tokens.begin() + batch.query_start[s + 1];
        const auto draft = std::find(begin, end, MODEL_DRAFT);
        std::vector<int32_t> tokens(d.catch_up_tokens.begin() + d.catch_up_start[i], d.catch_up_tokens.begin() + d.catch_up_start[i + 1]);
        if (draft == end) {
            add_sequence(batch, s, d.positions[i], tokens, -1);
        } else {
            tokens.insert(tokens.end(), begin, draft);
            add_sequence(batch, s, d.positions[i], tokens, (int32_t) (draft - batch.tokens.begin()));
        }
    }
}

DraftFault DraftModel::run(StepBatch & batch) {
    pass->run(own, no_samplers, results);
    for (size_t i = 0; i < results.size(); ++i) {
        if (results[i].has_nan) {
            return DraftFault::nan;
        }
        const int32_t token = results[i].token;
        batch.tokens[predicted[i].token] = token < n_target_vocab ? token : 0;
    }
    return DraftFault::none;
}

// Makes the pass that computes the tokens just predicted, each of which is followed by another draft.
void DraftModel::advance(const StepBatch & batch) {
    const std::vector<Place> done = std::move(predicted);
    clear();
    for (const auto & [seq, token] : done) {
        if (token + 1 < batch.query_start[seq + 1]) {
            add_sequence(batch, seq, batch.positions[token], { batch.tokens[token] }, token + 1);
        }
    }
}

void DraftModel::clear() {
    own = {};
    own.query_start = own.block_start = { 0 };
    predicted.clear();
}

void DraftModel::add_sequence(const StepBatch & batch, int32_t seq, int32_t position, const std::vector<int32_t> & tokens, int32_t predicts) {
    const int32_t * blocks = batch.block_ids.data() + batch.block_start[seq];
    const int32_t   size   = params.block_size;
    for (const int32_t token : tokens) {
        own.tokens.push_back(token < pass->vocab_size() ? token : 0);
        own.positions.push_back(position);
        own.adapter_slots.push_back(-1);
        own.slots.push_back(blocks[position / size] * size + position % size);
        ++position;
    }
    own.query_start.push_back(own.n_tokens());
    own.seq_lens.push_back(position);
    own.block_ids.insert(own.block_ids.end(), blocks, blocks + (position + size - 1) / size);
    own.block_start.push_back((int32_t) own.block_ids.size());
    if (predicts < 0) {
        return;
    }
    OutputRow row = {};
    row.top_p        = 1;
    row.repetition   = 1;
    row.num_logprobs = -1;
    row.target       = -1;
    row.expected     = -1;
    row.token_row    = own.n_tokens() - 1;
    own.rows.push_back(row);
    predicted.push_back({ seq, predicts });
}

} // namespace pagoda
