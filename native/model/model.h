// A loaded model and everything that computes with it. Freed in the order that keeps pointers valid:
// the step thread first, then the context, then the weights.
#pragma once

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
    std::string       chat_template;
    int32_t           n_gpu_layers;
    bool              packs_weights;
    ForwardPassParams pass;
};

// What becomes of the weights in a sleep: they stay, are kept in host memory only, or go.
enum class SleepingWeights { keep, copy, drop };

// Bytes held now.
struct MemoryReport {
    uint64_t weights;
    uint64_t kv;
    uint64_t scratch;
};

class Model {
public:
    // Loads on the calling thread. `progress` gets shares in [0, 1].
    // Throws Error "model_*" or "out_of_memory".
    static std::shared_ptr<Model> load(const LoadOptions & options, std::function<void(float)> progress);

    Model(const LoadOptions & options, const ModelHeader & header);

    // Joins the step thread after the job in flight. Later steps are not possible.
    void stop() { thread.reset(); }

    // Throws Error "model_*" when the file could not give the weights again.
    void check_reload() const;

    // No step may be in flight or begin meanwhile. Each may be called in any state; one that has nothing to
    // do does nothing, and one that throws has changed nothing that wake_*() could not mend.

    // Frees the context with its KV pool, and the weights where told. Throws Error "model_*" when they could
    // not be had again, or "out_of_memory" for a copy.
    void sleep(SleepingWeights weights);
    // Throws Error "model_*": also when the file holds another model now.
    void wake_weights();
    // Throws Error "asleep" without weights, or "out_of_memory".
    void wake_kv_cache();

    // Any thread may ask; whoever works with the vocabulary holds on to it.
    std::shared_ptr<const Vocabulary> vocabulary() const;
    MemoryReport                      memory() const;

    StepLimits  limits() const;
    std::string device() const;
    bool        weights_on_device() const;

    const LoadOptions             options;
    const ModelHeader             header;
    int32_t                       n_vocab        = 0;
    int32_t                       n_embd         = 0;
    int32_t                       sliding_window = 0; // 0 = none
    std::vector<std::string>      unpacked_types;     // as Weights has them
    std::unique_ptr<ChatTemplate> chat_template;
    SamplerPool                   samplers;

private:
    void set_vocabulary(std::shared_ptr<llama_model> source);
    // Makes sure that `source` gives the weights again. Throws Error "model_*".
    void prepare_unload(const std::string & source);
    void note_memory();

    mutable std::mutex                mutex; // of the two below
    std::shared_ptr<const Vocabulary> current_vocabulary;
    MemoryReport                      report = {};
    Weights                           weights;

public:
    std::unique_ptr<ForwardPass> pass; // null in a sleep
    std::unique_ptr<StepThread>  thread;
};

} // namespace pagoda
