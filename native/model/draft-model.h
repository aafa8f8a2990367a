// A second, smaller model that predicts tokens for the first one to verify. It has the same blocks as the first model, so
// block tables, slots and block copies apply to both. Its K and V can lag behind, because it computes only what its
// predictions need. Its predictions never change the output, only its speed. Used by one thread at a time.
#pragma once

#include "model/forward-pass.h"
#include "model/model-file.h"
#include "model/step-batch.h"
#include "model/weights.h"

#include <memory>
#include <string>
#include <vector>

namespace pagoda {

// Treatment of the weights during sleep: they stay loaded, they are kept as a copy in host memory, or they are dropped.
enum class SleepingWeights { keep, copy, drop };

// Reasons that a step's drafts are arbitrary tokens. Values of StepOutput.draftFault.
enum class DraftFault { none = 0, nan = 1, failed = 2 };

class DraftModel {
public:
    // Reads the header. Throws Error "model_*".
    DraftModel(std::string path, int32_t n_gpu_layers, bool packs_weights, const ForwardPassParams & params);

    // Loads the weights if they are not loaded. Throws Error "model_*", also if the vocabulary does not match the target's.
    void wake_weights(const llama_model * target);
    // Creates the KV cache if there is none. `threads` must outlive it. Throws Error "out_of_memory" or "model_unsupported".
    void wake_kv_cache(ggml_threadpool * threads);
    // Makes sure that the weights can be restored. On an exception, leaves no copy behind. Throws Error "model_*" or
    // "out_of_memory".
    void prepare_sleep(SleepingWeights kept);
    void sleep(SleepingWeights kept);
    // Throws Error "model_*" if the weights could not be reloaded from the file.
    void check_reload() const;

    // Copies the step's blocks, computes the tokens to catch up on, and replaces every MODEL_DRAFT in the batch by a
    // prediction. After a fault, the remaining drafts are arbitrary tokens. Does not throw.
    DraftFault fill(StepBatch & batch);

    uint64_t weight_bytes() const { return weights.bytes(); }
    uint64_t kv_bytes() const { return pass ? pass->kv_bytes() : 0; }
    uint64_t scratch_bytes() const { return pass ? pass->scratch_bytes() : 0; }

    const ModelHeader header;

private:
    // Location of a draft: one of the step's sequences, and an index in the step's tokens.
    struct Place {
        int32_t seq;
        int32_t token;
    };

    DraftFault predict(StepBatch & batch);
    void       start(const StepBatch & batch);
    DraftFault run(StepBatch & batch);
    void       advance(const StepBatch & batch);
    void       clear();
    // Adds tokens of one of the step's sequences to the next pass, which predicts the token at `predicts`; -1 = none.
    void       add_sequence(const StepBatch & batch, int32_t seq, int32_t position, const std::vector<int32_t> & tokens, int32_t predicts);

    const std::string       path;
    const ForwardPassParams params;
    const SamplerPool       no_samplers;
    AdapterTable            no_adapters;

    Weights                      weights;
    std::unique_ptr<ForwardPass> pass; // null while asleep

    int32_t                      n_target_vocab = 0;

    StepBatch                 own;       // input of the next pass
    std::vector<Place>        predicted; // [rows of own] the draft that each row predicts
    std::vector<SampleResult> results;
};

} // namespace pagoda
