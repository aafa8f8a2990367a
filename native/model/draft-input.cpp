// Checks the draft model's arrays like those of the step: no argument from JS causes an out-of-bounds read or write.

#include "model/draft-input.h"

#include "model/step-batch.h"

#include <algorithm>

namespace pagoda {

namespace {

// Returns the number of drafts at the end of a sequence. They must follow a token that is known.
int32_t check_placeholders(const StepBatch & b, int32_t s) {
    const int32_t first = b.query_start[s], end = b.query_start[s + 1];
    const auto begin = std::find(b.tokens.begin() + first, b.tokens.begin() + end, MODEL_DRAFT);
    const auto known = std::find_if(begin, b.tokens.begin() + end, [](int32_t token) { return token != MODEL_DRAFT; });
    const int32_t n_drafts = (int32_t) (b.tokens.begin() + end - begin);
    check_argument(n_drafts < end - first, "tokens", first, "the draft model cannot predict a sequence's first token");
    check_argument(known == b.tokens.begin() + end, "tokens", known - b.tokens.begin(), "a known token follows a draft");
    return n_drafts;
}

} // namespace

void DraftInput::validate(const StepBatch & b, const StepLimits & limits) const {
    check_argument(seqs.empty() || limits.has_draft_model, "draftSeqs", 0, "there is no draft model");
    check_argument(catch_up_start.front() == 0 && catch_up_start.back() == (int32_t) catch_up_tokens.size(), "catchUpStart", 0,
                   "does not span the tokens");
    int64_t n_tokens = 0;
    size_t  n_placeholders = 0;
    for (size_t i = 0; i < seqs.size(); ++i) {
        const int32_t s = seqs[i];
        check_argument(s >= 0 && s < b.n_seqs() && (i == 0 || seqs[i - 1] < s), "draftSeqs", i, "no such sequence, or not ascending");
        const int32_t n_catch_up = catch_up_start[i + 1] - catch_up_start[i];
        check_argument(n_catch_up >= 0 && catch_up_start[i + 1] <= (int32_t) catch_up_tokens.size(), "catchUpStart", i + 1, "decreases or is too large");
        const int32_t n_drafts = check_placeholders(b, s);
        const int64_t end = (int64_t) positions[i] + n_catch_up;
        const int32_t start = b.positions[b.query_start[s]];
        check_argument(positions[i] >= 0 && (n_drafts > 0 ? end == start : end <= start), "catchUpPositions", i, "does not fit the sequence");
        check_argument(n_drafts > 0 || n_catch_up > 0, "draftSeqs", i, "nothing to compute");
        n_tokens += n_catch_up + (n_drafts > 0 ? b.query_start[s + 1] - b.query_start[s] - n_drafts : 0);
        n_placeholders += n_drafts;
    }
    check_argument(n_tokens <= limits.max_tokens, "catchUpTokens", 0, "too many tokens");
    for (size_t i = 0; i < catch_up_tokens.size(); ++i) {
        check_argument(catch_up_tokens[i] >= 0 && catch_up_tokens[i] < limits.n_vocab, "catchUpTokens", i, "no such token");
    }
    const size_t n_all = std::count(b.tokens.begin(), b.tokens.end(), MODEL_DRAFT);
    check_argument(n_all == n_placeholders, "draftSeqs", 0, "lacks a sequence with drafts of the draft model");
}

} // namespace pagoda
