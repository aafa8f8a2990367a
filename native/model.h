// A loaded model and everything that computes with it. Freed in the order that keeps pointers valid:
// the step thread first, then the context, then the weights.
#pragma once

#include "chat-template.h"
#include "forward-pass.h"
#include "model-file.h"
#include "sampler.h"
#include "step-thread.h"
#include "vocabulary.h"

#include <functional>
#include <memory>
#include <string>

namespace pagoda {

struct LoadOptions {
    std::string       path;
    std::string       chat_template;
    int32_t           n_gpu_layers;
    ForwardPassParams pass;
};

struct LlamaModelDeleter {
    void operator()(llama_model * model) const { llama_model_free(model); }
};

class Model {
public:
    // Loads on the calling thread. `progress` gets shares in [0, 1].
    // Throws Error "model_*" or "out_of_memory".
    static std::shared_ptr<Model> load(const LoadOptions & options, std::function<void(float)> progress);

    // Joins the step thread after the job in flight. Later steps are not possible.
    void stop() { thread.reset(); }

    StepLimits  limits() const;
    std::string device() const;

    LoadOptions                                     options;
    ModelHeader                                     header;
    std::unique_ptr<llama_model, LlamaModelDeleter> weights;
    std::unique_ptr<Vocabulary>                     vocabulary;
    std::unique_ptr<ChatTemplate>                   chat_template;
    SamplerPool                                     samplers;
    std::unique_ptr<ForwardPass>                    pass;
    std::unique_ptr<StepThread>                     thread;
};

} // namespace pagoda
