// Copies field by field, in the order of src/runner/addon-types.ts.

#include "addon/step-arguments.h"

#include "addon/napi-args.h"

#include <algorithm>

namespace pagoda {

namespace {

constexpr int32_t MAX_COUNT = 1 << 28;

template <class T> void copy(const Napi::Object & from, const char * name, size_t size, std::vector<T> & to) {
    const View<T> view = array_field<T>(from, name, size);
    to.assign(view.data, view.data + size);
}

void read_rows(const Napi::Object & from, size_t n, std::vector<OutputRow> & rows) {
    const auto token_rows = array_field<int32_t>(from, "outputRows", n);
    const auto temperature = array_field<float>(from, "temperature", n);
    const auto top_k = array_field<int32_t>(from, "topK", n);
    const auto top_p = array_field<float>(from, "topP", n);
    const auto min_p = array_field<float>(from, "minP", n);
    const auto presence = array_field<float>(from, "presencePenalty", n);
    const auto frequency = array_field<float>(from, "frequencyPenalty", n);
    const auto repetition = array_field<float>(from, "repetitionPenalty", n);
    const auto seed_low = array_field<uint32_t>(from, "seedLow", n);
    const auto seed_high = array_field<uint32_t>(from, "seedHigh", n);
    const auto output_index = array_field<int32_t>(from, "outputIndex", n);
    const auto flags = array_field<uint32_t>(from, "flags", n);
    const auto sampler = array_field<int32_t>(from, "sampler", n);
    const auto num_logprobs = array_field<int32_t>(from, "numLogprobs", n);
    const auto target = array_field<int32_t>(from, "targetTokens", n);
    const auto expected = array_field<int32_t>(from, "expectedTokens", n);
    rows.resize(n);
    for (size_t i = 0; i < n; ++i) {
        const SampleParams params = { temperature.data[i], top_k.data[i], top_p.data[i], min_p.data[i],
                                      presence.data[i], frequency.data[i], repetition.data[i],
                                      ((uint64_t) seed_high.data[i] << 32) | seed_low.data[i],
                                      output_index.data[i], flags.data[i], num_logprobs.data[i], target.data[i], expected.data[i] };
        rows[i] = { params, token_rows.data[i], sampler.data[i] };
    }
}

void read_drafts(const Napi::Object & from, DraftInput & to) {
    const size_t n = int_field(from, "numDraftSeqs", 0, MAX_COUNT);
    if (n == 0) {
        to = {};
        to.catch_up_start = { 0 };
        return;
    }
    copy(from, "draftSeqs", n, to.seqs);
    copy(from, "catchUpPositions", n, to.positions);
    copy(from, "catchUpStart", n + 1, to.catch_up_start);
    const int32_t n_tokens = to.catch_up_start.back();
    if (n_tokens < 0) {
        throw Error("invalid_argument", "the last element of catchUpStart is negative");
    }
    copy(from, "catchUpTokens", n_tokens, to.catch_up_tokens);
}

} // namespace

void read_step_batch(const Napi::Object & from, StepBatch & to) {
    const size_t n_tokens  = int_field(from, "numTokens", 0, MAX_COUNT);
    const size_t n_seqs    = int_field(from, "numSeqs", 0, MAX_COUNT);
    const size_t n_copies  = int_field(from, "numBlockCopies", 0, MAX_COUNT);
    const size_t n_outputs = int_field(from, "numOutputs", 0, MAX_COUNT);
    copy(from, "tokens", n_tokens, to.tokens);
    copy(from, "positions", n_tokens, to.positions);
    copy(from, "slotMapping", n_tokens, to.slots);
    copy(from, "adapterSlots", n_tokens, to.adapter_slots);
    copy(from, "queryStart", n_seqs + 1, to.query_start);
    copy(from, "seqLens", n_seqs, to.seq_lens);
    copy(from, "blockTableStart", n_seqs + 1, to.block_start);
    const int32_t n_blocks = to.block_start.back();
    if (n_blocks < 0) {
        throw Error("invalid_argument", "the last element of blockTableStart is negative");
    }
    copy(from, "blockIds", n_blocks, to.block_ids);
    copy(from, "blockCopies", 2 * n_copies, to.copies);
    read_rows(from, n_outputs, to.rows);
    read_drafts(from, to.drafts);
}

void check_step_output(const Napi::Object & output, const std::vector<OutputRow> & rows) {
    const size_t n = rows.size();
    size_t n_top = 0;
    for (const OutputRow & row : rows) {
        n_top += std::max(0, row.num_logprobs);
    }
    array_field<int32_t>(output, "tokenIds", n);
    array_field<float>(output, "logprobs", n);
    array_field<int32_t>(output, "ranks", n);
    array_field<int32_t>(output, "topIds", n_top);
    array_field<float>(output, "topLogprobs", n_top);
    array_field<uint8_t>(output, "rowFaults", n);
    array_field<double>(output, "timings", 2);
    array_field<int32_t>(output, "draftFault", 1);
}

void write_step_output(const Napi::Object & output, const std::vector<SampleResult> & results, const StepTimings & step, DraftFault fault) {
    const size_t n = results.size();
    size_t n_top = 0;
    for (const SampleResult & result : results) {
        n_top += result.top_ids.size();
    }
    const auto token_ids = array_field<int32_t>(output, "tokenIds", n);
    const auto logprobs = array_field<float>(output, "logprobs", n);
    const auto ranks = array_field<int32_t>(output, "ranks", n);
    const auto top_ids = array_field<int32_t>(output, "topIds", n_top);
    const auto top_logprobs = array_field<float>(output, "topLogprobs", n_top);
    const auto row_faults = array_field<uint8_t>(output, "rowFaults", n);
    const auto timings = array_field<double>(output, "timings", 2);
    size_t top = 0;
    for (size_t i = 0; i < n; ++i) {
        const SampleResult & r = results[i];
        token_ids.data[i] = r.token;
        logprobs.data[i]  = r.logprob;
        ranks.data[i]     = r.rank;
        row_faults.data[i] = (r.has_nan ? FAULT_NAN : 0) | (r.is_refused ? FAULT_REFUSED : 0) | (r.is_dropped ? FAULT_DROPPED : 0);
        std::copy(r.top_ids.begin(), r.top_ids.end(), top_ids.data + top);
        std::copy(r.top_logprobs.begin(), r.top_logprobs.end(), top_logprobs.data + top);
        top += r.top_ids.size();
    }
    timings.data[0] = step.forward_ms;
    timings.data[1] = step.sampling_ms;
    array_field<int32_t>(output, "draftFault", 1).data[0] = (int32_t) fault;
}

} // namespace pagoda
