// A step's input for the draft model: which sequences it drafts for, and the tokens that it has not computed yet.
// StepBatch in src/runner/addon-types.ts documents the layout and meaning of every array.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pagoda {

struct StepBatch;
struct StepLimits;

// Placeholder in StepBatch::tokens and OutputRow::expected for one of the draft model's drafts.
constexpr int32_t MODEL_DRAFT = -2;

struct DraftInput {
    std::vector<int32_t> seqs;            // [n] ascending indices of sequences
    std::vector<int32_t> positions;       // [n] position of the first token to catch up on
    std::vector<int32_t> catch_up_start;  // [n + 1]
    std::vector<int32_t> catch_up_tokens; // [catch_up_start[n]]

    size_t size() const { return seqs.size(); }

    // Throws an Error "invalid_argument" that names the faulty array and index.
    void validate(const StepBatch & batch, const StepLimits & limits) const;
};

} // namespace pagoda
