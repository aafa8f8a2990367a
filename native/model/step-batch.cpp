// Checks a step's arrays so that no argument from JS causes an out-of-bounds read or write.

#include "model/step-batch.h"

#include "error-codes.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace pagoda {

void check_argument(bool ok, const char * array, size_t index, const char * fault) {
    if (!ok) {
        throw Error("invalid_argument", std::string(array) + "[" + std::to_string(index) + "]: " + fault);
    }
}

namespace {

constexpr auto check = check_argument;

// Positions are derived from the length, which the table bounds, so no later lookup can exceed the table.
void check_sequence(const StepBatch & b, const StepLimits & limits, int32_t s) {
    const int32_t first = b.query_start[s], end = b.query_start[s + 1];
    const int64_t capacity = (int64_t) (b.block_start[s + 1] - b.block_start[s]) * limits.block_size;
    check(end > first, "queryStart", s + 1, "a sequence has no tokens");
    check(b.seq_lens[s] >= end - first, "seqLens", s, "less than the number of the sequence's tokens in this step");
    check(b.seq_lens[s] <= capacity, "blockTableStart", s + 1, "the block table is too short for the sequence");
    check(b.positions[end - 1] == b.seq_lens[s] - 1, "seqLens", s, "does not match the positions");
    for (int32_t t = first; t < end; ++t) {
        const int32_t pos = b.seq_lens[s] - (end - t);
        check(b.positions[t] == pos, "positions", t, "not consecutive");
        const int32_t block = b.block_ids[b.block_start[s] + pos / limits.block_size];
        check(b.slots[t] == block * limits.block_size + pos % limits.block_size, "slotMapping", t, "does not match the block table");
    }
}

void check_row(const OutputRow & row, size_t i, const StepBatch & b, const StepLimits & limits, const SamplerPool & samplers) {
    check(row.token_row >= 0 && row.token_row < b.n_tokens(), "outputRows", i, "no such token row");
    check(i == 0 || b.rows[i - 1].token_row <= row.token_row, "outputRows", i, "less than the previous row");
    check(std::isfinite(row.temperature) && row.temperature >= 0, "temperature", i, "not a number >= 0");
    check(row.top_p > 0 && row.top_p <= 1, "topP", i, "not in (0, 1]");
    check(row.min_p >= 0 && row.min_p <= 1, "minP", i, "not in [0, 1]");
    check(std::isfinite(row.presence), "presencePenalty", i, "not finite");
    check(std::isfinite(row.frequency), "frequencyPenalty", i, "not finite");
    check(std::isfinite(row.repetition) && row.repetition > 0, "repetitionPenalty", i, "not a number > 0");
    check(row.num_logprobs >= -1 && row.num_logprobs <= limits.n_vocab, "numLogprobs", i, "not in [-1, vocabulary size]");
    check(row.target >= -1 && row.target < limits.n_vocab, "targetTokens", i, "no such token");
    check(row.sampler == 0 || samplers.find(row.sampler) != nullptr, "sampler", i, "unknown handle");
    check(row.expected >= MODEL_DRAFT && row.expected < limits.n_vocab, "expectedTokens", i, "no such token");
    if (row.expected != -1) {
        const bool has_next = i + 1 < b.rows.size() && b.rows[i + 1].token_row == row.token_row + 1 && row.token_row + 1 < b.n_tokens();
        check(has_next && row.target < 0 && b.rows[i + 1].target < 0, "expectedTokens", i, "the next row does not sample after the next token");
        check(b.rows[i + 1].sampler == row.sampler, "expectedTokens", i, "the next row has a different sampler");
        check(b.tokens[row.token_row + 1] == row.expected, "expectedTokens", i, "is not the next token");
    }
}

} // namespace

HeadNeed StepBatch::head_need(const SamplerPool & samplers) const {
    const bool is_single = rows.size() == 1;
    const bool is_enough = std::all_of(rows.begin(), rows.end(), [&](const OutputRow & row) {
        const SamplerState * state = samplers.find(row.sampler);
        return is_argmax_enough(row) && (!state || (is_single && is_only_masked(row, *state)));
    });
    return is_enough ? HeadNeed::argmax : HeadNeed::logits;
}

void StepBatch::validate(const StepLimits & limits, const SamplerPool & samplers) const {
    check(n_tokens() >= 1 && n_tokens() <= limits.max_tokens, "tokens", 0, "too few or too many tokens");
    check(n_seqs() >= 1 && n_seqs() <= limits.max_seqs, "seqLens", 0, "too few or too many sequences");
    check(query_start.front() == 0 && query_start.back() == n_tokens(), "queryStart", 0, "does not span the tokens");
    check(block_start.front() == 0 && block_start.back() == (int32_t) block_ids.size(), "blockTableStart", 0, "does not span the block ids");
    for (int32_t s = 0; s < n_seqs(); ++s) {
        check(query_start[s] <= query_start[s + 1] && query_start[s + 1] <= n_tokens(), "queryStart", s + 1, "decreases or is too large");
        check(block_start[s] <= block_start[s + 1] && block_start[s + 1] <= (int32_t) block_ids.size(), "blockTableStart", s + 1, "decreases or is too large");
    }
    for (size_t i = 0; i < block_ids.size(); ++i) {
        check(block_ids[i] > 0 && block_ids[i] < limits.n_blocks, "blockIds", i, "not a block of the pool");
    }
    for (size_t i = 0; i < copies.size(); ++i) {
        check(copies[i] > 0 && copies[i] < limits.n_blocks, "blockCopies", i, "not a block of the pool");
    }
    for (int32_t t = 0; t < n_tokens(); ++t) {
        check((tokens[t] >= 0 || tokens[t] == MODEL_DRAFT) && tokens[t] < limits.n_vocab, "tokens", t, "no such token");
        check(positions[t] >= 0, "positions", t, "negative");
    }
    for (int32_t s = 0; s < n_seqs(); ++s) {
        check_sequence(*this, limits, s);
    }
    for (size_t i = 0; i < rows.size(); ++i) {
        check_row(rows[i], i, *this, limits, samplers);
    }
    drafts.validate(*this, limits);
}

} // namespace pagoda
