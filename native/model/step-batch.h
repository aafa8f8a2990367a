// One step in native code: copies of the caller's arrays, checked before anything is computed.
// StepBatch in src/runner/addon-types.ts documents the layout and meaning of every array.
#pragma once

#include "head/head.h"
#include "model/draft-input.h"
#include "sampling/sampler.h"

#include <cstdint>
#include <vector>

namespace pagoda {

struct StepLimits {
    int32_t n_vocab;
    int32_t n_blocks;
    int32_t block_size;
    int32_t max_seqs;
    int32_t max_tokens;
    bool    has_draft_model;
};

struct OutputRow : SampleParams {
    int32_t token_row;
    int32_t sampler; // handle, 0 = none
};

struct StepBatch {
    std::vector<int32_t>   tokens, positions, slots;      // [n_tokens]
    std::vector<int32_t>   adapter_slots;                 // [n_tokens] -1 = none; AdapterTable::check() checks them
    std::vector<int32_t>   query_start, block_start;      // [n_seqs + 1]
    std::vector<int32_t>   seq_lens;                      // [n_seqs]
    std::vector<int32_t>   block_ids;                     // [block_start[n_seqs]]
    std::vector<int32_t>   copies;                        // (source, destination) pairs
    std::vector<OutputRow> rows;
    DraftInput             drafts;

    int32_t n_tokens() const { return (int32_t) tokens.size(); }
    int32_t n_seqs() const { return (int32_t) seq_lens.size(); }

    // The least that the head must compute to satisfy all rows.
    HeadNeed head_need(const SamplerPool & samplers) const;

    // Throws an Error "invalid_argument" that names the faulty array and index.
    void validate(const StepLimits & limits, const SamplerPool & samplers) const;
};

// Throws an Error "invalid_argument" that names the array and index unless `ok`.
void check_argument(bool ok, const char * array, size_t index, const char * fault);

} // namespace pagoda
