// Runs one step in llama.cpp: copies blocks, sets the placement, calls llama_decode and samples the rows. Owns the
// context, the thread pool and the KV pool. Used by one thread at a time; no N-API types.
#pragma once

#include "adapters/adapter-table.h"
#include "attention/backend.h"
#include "attention/plan.h"
#include "head/head.h"
#include "matmul/activation-store.h"
#include "model/step-batch.h"
#include "sampling/sample-rows.h"

#include "llama-cpp.h"

#include <future>
#include <memory>
#include <vector>

struct ggml_threadpool;

namespace pagoda {

struct ForwardPassParams {
    int32_t n_blocks;
    int32_t block_size;
    int32_t max_seqs;
    int32_t max_tokens;
    int32_t n_threads;
    int32_t poll;  // 0 to 100; how long an idle thread spins

    const AttentionBackend * attention;
    ggml_type                kv_type; // one of the backend's types

    std::vector<int32_t> cpus; // CPUs that the threads are bound to, one thread per CPU in turn; empty = any
};

struct StepTimings {
    double forward_ms;
    double sampling_ms;
};

// A llama_batch with room for `n_tokens` tokens, each of which is in one sequence.
struct BatchBuffer : llama_batch {
    explicit BatchBuffer(int32_t n_tokens) : llama_batch(llama_batch_init(n_tokens, 0, 1)) {}
    ~BatchBuffer() { llama_batch_free(*this); }

    BatchBuffer(const BatchBuffer &)             = delete;
    BatchBuffer & operator=(const BatchBuffer &) = delete;
};

struct ThreadPoolDeleter {
    void operator()(ggml_threadpool * pool) const;
};

class ForwardPass {
public:
    // `adapters` must outlive the forward pass. threads: a pool to share with another pass, which must outlive this one; null =
    // the pass has its own. Throws Error "model_unsupported" or "out_of_memory".
    ForwardPass(llama_model * model, const ForwardPassParams & params, AdapterTable & adapters, ggml_threadpool * threads = nullptr);

    // Computes a validated batch; results are parallel to batch.rows. Throws Error "decode_failed".
    StepTimings run(const StepBatch & batch, const SamplerPool & samplers, std::vector<SampleResult> & results);

    // Copies blocks without computing anything. `copies` are (source, destination) pairs, processed in order.
    void copy_blocks(const std::vector<int32_t> & copies);

    ggml_threadpool * threads() const { return threadpool; }
    int32_t           vocab_size() const { return n_vocab; }

    // Total size of the model's buffers. A packed tied head counts in addition to the embedding table.
    size_t weight_bytes() const;
    size_t kv_bytes() const;
    size_t scratch_bytes() const;

private:
    void decode(const StepBatch & batch);
    void set_adapters(const StepBatch & batch);
    // Computes the grammar masks for a step's rows on a separate thread. The future waits for them when it is destroyed.
    std::future<void> start_masks(const StepBatch & batch, const SamplerPool & samplers) const;
    // The tokens that the only row of a step may have, if the row has a state; otherwise null. The state must do nothing but
    // mask. Refers to `masks`.
    AllowedTokens allowed_tokens(const StepBatch & batch, const SamplerPool & samplers, const std::future<void> & masks) const;
    void sample(const StepBatch & batch, const SamplerPool & samplers, std::vector<SampleResult> & results);

    // Destroyed from last to first: the context uses the threads and the plan, and the sampler and activations use
    // the threads.
    ForwardPassParams                                   params;
    int32_t                                             n_vocab;
    AdapterTable &                                      adapters;
    Head                                                head;
    AttentionPlan                                       plan; // passed to llama.cpp as the placement
    std::vector<llama_placement_layer>                  layers;
    std::unique_ptr<ggml_threadpool, ThreadPoolDeleter> own_threadpool; // null = shared
    ggml_threadpool *                                   threadpool;
    std::unique_ptr<ActivationStore>                    activations;
    std::unique_ptr<SampleRows>                         sampler;
    llama_context_ptr                                   ctx;
    BatchBuffer                                         batch_buffer;
    std::vector<ggml_tensor *>                          kv_tensors;
    std::vector<SampleRow>                              sample_rows; // a step's input to the sampler
    std::vector<int32_t>                                output_rows; // a step's tokens that have logits
};

} // namespace pagoda
