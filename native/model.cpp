// Loading: header, memory check, weights, vocabulary, context; each failure has its own code.

#include "model.h"

#include "error-codes.h"
#include "paged-attention.h"

#include "ggml-backend.h"

namespace pagoda {

namespace {

std::string mib(uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

// The device that takes the layers, or null.
ggml_backend_dev_t gpu_in_use(const LoadOptions & options) {
    return options.n_gpu_layers != 0 ? ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_GPU) : nullptr;
}

void check_memory(const LoadOptions & options, const ModelHeader & header) {
    if (gpu_in_use(options)) {
        return; // weights and KV lie in the device's memory
    }
    const uint64_t available = available_memory();
    const uint64_t kv = (uint64_t) header.kv_bytes_per_token * options.pass.n_blocks * options.pass.block_size;
    if (available > 0 && header.weight_bytes + kv > available) {
        throw Error("out_of_memory", "the model needs " + mib(header.weight_bytes) + " for weights and " + mib(kv) +
                    " for the KV cache, but only " + mib(available) + " are free; lower --kv-cache-memory-bytes or --max-model-len");
    }
}

void check_kind(const llama_model * model, const ModelHeader & header) {
    if (llama_model_is_recurrent(model) || llama_model_is_hybrid(model)) {
        throw Error("model_unsupported", "architecture " + header.architecture + " has recurrent layers, which are not supported yet");
    }
    if (llama_model_has_encoder(model) || !llama_model_has_decoder(model)) {
        throw Error("model_unsupported", "architecture " + header.architecture + " is not a decoder-only language model");
    }
}

bool report_progress(float share, void * user_data) {
    (*static_cast<std::function<void(float)> *>(user_data))(share);
    return true;
}

llama_model * load_weights(const LoadOptions & options, std::function<void(float)> & progress) {
    llama_model_params params = llama_model_default_params();
    params.n_gpu_layers                = options.n_gpu_layers;
    params.progress_callback           = report_progress;
    params.progress_callback_user_data = &progress;
    take_log_error();
    llama_model * model = llama_model_load_from_file(options.path.c_str(), params);
    if (!model) {
        const std::string detail = take_log_error();
        throw Error("model_unsupported", "llama.cpp cannot load " + options.path + (detail.empty() ? "" : ": " + detail));
    }
    return model;
}

} // namespace

std::shared_ptr<Model> Model::load(const LoadOptions & options, std::function<void(float)> progress) {
    auto model     = std::make_shared<Model>();
    model->options = options;
    model->header  = read_model_header(options.path, options.pass.kv_f32);
    check_memory(options, model->header);
    model->weights.reset(load_weights(options, progress));
    check_kind(model->weights.get(), model->header);
    model->vocabulary    = std::make_unique<Vocabulary>(model->weights.get());
    model->chat_template = std::make_unique<ChatTemplate>(model->weights.get(), options.chat_template);
    model->pass          = std::make_unique<ForwardPass>(model->weights.get(), options.pass);
    model->thread        = std::make_unique<StepThread>();
    return model;
}

StepLimits Model::limits() const {
    const ForwardPassParams & p = options.pass;
    return { vocabulary->n_vocab, p.n_blocks, p.block_size, p.max_seqs, p.max_tokens };
}

std::string Model::device() const {
    if (ggml_backend_dev_t gpu = gpu_in_use(options)) {
        return ggml_backend_dev_description(gpu);
    }
    return std::string("CPU, ") + attention_kernel_name() + " attention, " + std::to_string(options.pass.n_threads) + " threads";
}

} // namespace pagoda
