// A loaded model and everything that computes with it. The parts are freed in an order that keeps pointers valid: first the step thread,
// then the context, then the weights.
#pragma once

#include "adapters/adapter-table.h"
#include "grammar/grammar.h"
#include "model/draft-model.h"
#include "model/forward-pass.h"
#include "model/model-file.h"
#include "model/step-thread.h"
#include "model/weights.h"
#include "sampling/sampler.h"
#include "text/chat-template.h"
#include "text/vocabulary.h"

#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace pagoda {

struct LoadOptions {
    std::string       path;
    std::string       draft_path; // file of the draft model; "" = none
    std::string       chat_template;
    int32_t           n_gpu_layers;
    bool              packs_weights;
    int32_t           max_adapters;
    int32_t           max_adapter_rank;
    ForwardPassParams pass;
};

// Numbers of bytes currently held.
struct MemoryReport {
    uint64_t weights;
    uint64_t kv;
    uint64_t scratch;
};

class Model {
public:
    // Loads on the calling thread. `progress` receives values in [0, 1].
    // Throws Error "model_*" or "out_of_memory".
    static std::shared_ptr<Model> load(const LoadOptions & options, std::function<void(float)> progress);

    Model(const LoadOptions & options, const ModelHeader & header);

    // Joins the step thread after any job in flight. No steps are possible afterwards.
    void stop() { thread.reset(); }

    // Runs a validated step on the calling thread. Results are parallel to batch.rows. Throws Error "decode_failed".
    StepTimings step(StepBatch & batch, std::vector<SampleResult> & results, DraftFault & fault);

    // Throws Error "model_*" if the weights could not be reloaded from the file.
    void check_reload() const;

    // No step may be in flight or begin during these calls. Each can be called in any state and returns at once if
    // there is nothing to do. After an exception, wake_*() can still restore the model.

    // Frees the context with its KV pool, and the weights unless they are kept. Throws Error "model_*" if the weights
    // could not be reloaded, or "out_of_memory" if there is no room for a copy.
    void sleep(SleepingWeights weights);
    // Throws Error "model_*", for example if the file now contains a different model.
    void wake_weights();
    // Throws Error "asleep" if the weights are not loaded, or "out_of_memory".
    void wake_kv_cache();

    // Thread-safe. The vocabulary stays valid as long as the caller holds the pointer.
    std::shared_ptr<const Vocabulary> vocabulary() const;
    MemoryReport                      memory() const;
    // Any thread can call it. The first call takes 0.15 s for 49,000 tokens. Throws Error "grammar_error" or
    // "grammar_unavailable".
    std::shared_ptr<const Grammar>    compile_grammar(const std::string & kind, const std::string & text);

    // Reads an adapter for this model, which can then be put into a slot. Any thread can call it, even during sleep. Throws Error
    // "adapter_*" or "out_of_memory".
    std::shared_ptr<const Adapter> read_adapter(const std::string & path) const;

    StepLimits  limits() const;
    std::string device() const;
    bool        weights_on_device() const;

    const LoadOptions             options;
    const ModelHeader             header;
    int32_t                       n_vocab        = 0;
    int32_t                       n_embd         = 0;
    int32_t                       sliding_window = 0; // 0 = none
    std::vector<std::string>      unpacked_types;     // see Weights::unpacked_types()
    std::unique_ptr<ChatTemplate> chat_template;
    GrammarPool                   grammars;
    SamplerPool                   samplers;
    std::unique_ptr<AdapterTable> adapters; // kept during sleep

private:
    void set_vocabulary(std::shared_ptr<llama_model> source);
    // Makes sure that the weights can be reloaded from `source`. Throws Error "model_*".
    void prepare_unload(const std::string & source);
    // Checks that weights or a KV cache of the model and the draft model fit in free memory. Throws Error "out_of_memory".
    void check_room(bool has_weights, bool has_kv) const;
    void note_memory();

    mutable std::mutex                mutex; // guards the next two members
    std::shared_ptr<const Vocabulary> current_vocabulary;
    MemoryReport                      report = {};
    Weights                           weights;

    std::mutex                           grammar_mutex; // guards the next member
    std::shared_ptr<const GrammarTokens> grammar_tokens;

public:
    std::unique_ptr<ForwardPass> pass; // null while asleep
    std::unique_ptr<DraftModel>  draft; // shares the threads of `pass`; null = none
    std::unique_ptr<StepThread>  thread;
};

} // namespace pagoda
