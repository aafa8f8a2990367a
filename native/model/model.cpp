// Loads the header, weights (after a memory check), vocabulary and context; each failure has its own code. Sleeping frees weights and
// context in reverse order, after making sure that they can be loaded again.

#include "model/model.h"

#include "attention/select.h"
#include "error-codes.h"
#include "model/abort-guard.h"
#include "model/adapter-file.h"

#include "ggml-backend.h"

#include <chrono>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace pagoda {

namespace {

std::string mib(uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

// The device that the layers are offloaded to, or null.
ggml_backend_dev_t gpu_in_use(const LoadOptions & options) {
    return options.n_gpu_layers != 0 ? ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_GPU) : nullptr;
}

uint64_t kv_bytes(const LoadOptions & options, const ModelHeader & header) {
    return (uint64_t) header.kv_bytes_per_token * options.pass.n_blocks * options.pass.block_size;
}

void check_memory(const LoadOptions & options, uint64_t weights, uint64_t kv) {
    if (gpu_in_use(options)) {
        return; // weights and KV cache are in the device's memory
    }
    const uint64_t available = available_memory();
    if (available > 0 && weights + kv > available) {
        throw Error("out_of_memory", "the model needs " + mib(weights) + " for weights and " + mib(kv) +
                    " for the KV cache, but only " + mib(available) + " are free; lower --kv-cache-memory-bytes or --max-model-len");
    }
}

// Returns freed memory to the system, since the allocator would keep it.
void trim_heap() {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

} // namespace

Model::Model(const LoadOptions & options, const ModelHeader & header)
    : options(options), header(header), weights(options.path, options.n_gpu_layers, options.packs_weights) {}

std::shared_ptr<Model> Model::load(const LoadOptions & options, std::function<void(float)> progress) {
    auto model = std::make_shared<Model>(options, read_model_header(options.path, options.pass.kv_type));
    if (!options.draft_path.empty()) {
        model->draft = std::make_unique<DraftModel>(options.draft_path, options.n_gpu_layers, options.packs_weights, options.pass);
    }
    model->check_room(true, true);
    model->weights.load(std::move(progress));
    model->wake_weights();
    trim_heap();
    const llama_model * loaded = model->weights.model().get();
    model->n_embd         = llama_model_n_embd(loaded);
    model->sliding_window = llama_model_n_swa(loaded);
    model->set_vocabulary(model->weights.model());
    model->n_vocab       = model->vocabulary()->n_vocab;
    model->chat_template = std::make_unique<ChatTemplate>(loaded, options.chat_template);
    model->unpacked_types = model->weights.unpacked_types();
    model->adapters = std::make_unique<AdapterTable>(options.max_adapters, options.max_adapter_rank, model->weights.tensors());
    model->wake_kv_cache();
    model->thread = std::make_unique<StepThread>();
    return model;
}

StepTimings Model::step(StepBatch & batch, std::vector<SampleResult> & results, DraftFault & fault) {
    using namespace std::chrono;
    const auto start = steady_clock::now();
    fault = draft ? draft->fill(batch) : DraftFault::none;
    const duration<double, std::milli> drafting = steady_clock::now() - start;
    StepTimings timings = pass->run(batch, samplers, results);
    timings.forward_ms += drafting.count();
    return timings;
}

void Model::check_reload() const {
    check_same_model(header, read_model_header(options.path, options.pass.kv_type), options.path);
    if (draft) {
        draft->check_reload();
    }
}

void Model::check_room(bool has_weights, bool has_kv) const {
    uint64_t weights = header.weight_bytes, kv = kv_bytes(options, header);
    if (draft) {
        weights += draft->header.weight_bytes;
        kv += kv_bytes(options, draft->header);
    }
    check_memory(options, has_weights ? weights : 0, has_kv ? kv : 0);
}

void Model::sleep(SleepingWeights kept) {
    const bool copies = kept == SleepingWeights::copy && weights.model();
    const bool drops  = kept == SleepingWeights::drop && weights.bytes() > 0;
    if (copies) {
        weights.make_copy();
    }
    if (copies || drops) {
        try {
            prepare_unload(drops ? options.path : weights.source());
            if (draft) {
                draft->prepare_sleep(kept);
            }
        } catch (...) {
            if (weights.model()) {
                weights.drop_copy();
            }
            throw;
        }
    }
    if (draft) {
        draft->sleep(kept);
    }
    pass.reset();
    if (kept != SleepingWeights::keep) {
        weights.unload();
    }
    if (kept == SleepingWeights::drop) {
        weights.drop_copy();
    }
    trim_heap();
    note_memory();
}

void Model::prepare_unload(const std::string & source) {
    check_same_model(header, read_model_header(source, options.pass.kv_type), options.path);
    if (vocabulary()->is_of(weights.model())) {
        set_vocabulary(weights.load_vocabulary()); // tokenization continues during a sleep
    }
}

void Model::wake_weights() {
    if (!weights.model()) {
        const std::string source = weights.source();
        check_same_model(header, read_model_header(source, options.pass.kv_type), options.path);
        check_room(true, false);
        weights.load([](float) {});
    }
    if (draft) {
        draft->wake_weights(weights.model().get());
    }
    trim_heap();
    note_memory();
}

void Model::wake_kv_cache() {
    if (!weights.model()) {
        throw Error("asleep", "the KV cache cannot be created before the weights are loaded");
    }
    if (!pass) {
        check_room(false, true);
        const AbortGuard guard;
        pass = std::make_unique<ForwardPass>(weights.model().get(), options.pass, *adapters);
        weights.note_buffers(pass->weight_bytes());
    }
    if (draft) {
        draft->wake_kv_cache(pass->threads());
    }
    note_memory();
}

std::shared_ptr<const Vocabulary> Model::vocabulary() const {
    std::lock_guard<std::mutex> lock(mutex);
    return current_vocabulary;
}

void Model::set_vocabulary(std::shared_ptr<llama_model> source) {
    auto made = std::make_shared<const Vocabulary>(std::move(source));
    std::lock_guard<std::mutex> lock(mutex);
    current_vocabulary = std::move(made);
}

std::shared_ptr<const Grammar> Model::compile_grammar(const std::string & kind, const std::string & text) {
    std::shared_ptr<const GrammarTokens> tokens;
    {
        std::lock_guard<std::mutex> lock(grammar_mutex);
        if (!grammar_tokens) {
            grammar_tokens = std::make_shared<const GrammarTokens>([this] { return vocabulary(); });
        }
        tokens = grammar_tokens;
    }
    return std::make_shared<const Grammar>(std::move(tokens), kind, text);
}

std::shared_ptr<const Adapter> Model::read_adapter(const std::string & path) const {
    return pagoda::read_adapter(path, header.architecture, *adapters);
}

MemoryReport Model::memory() const {
    std::lock_guard<std::mutex> lock(mutex);
    return report;
}

void Model::note_memory() {
    MemoryReport now = { weights.bytes(), pass ? pass->kv_bytes() : 0, pass ? pass->scratch_bytes() : 0 };
    if (draft) {
        now.weights += draft->weight_bytes();
        now.kv += draft->kv_bytes();
        now.scratch += draft->scratch_bytes();
    }
    std::lock_guard<std::mutex> lock(mutex);
    report = now;
}

StepLimits Model::limits() const {
    const ForwardPassParams & p = options.pass;
    return { n_vocab, p.n_blocks, p.block_size, p.max_seqs, p.max_tokens, draft != nullptr };
}

std::string Model::device() const {
    if (ggml_backend_dev_t gpu = gpu_in_use(options)) {
        return ggml_backend_dev_description(gpu);
    }
    return std::string("CPU, ") + attention_kernel_name() + " attention, " + std::to_string(options.pass.n_threads) + " threads";
}

bool Model::weights_on_device() const { return gpu_in_use(options) != nullptr; }

} // namespace pagoda
