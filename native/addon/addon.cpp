// Module entry point: sets up per-environment data, the cleanup hook and the exports.

#include "addon/addon-data.h"
#include "addon/napi-args.h"
#include "addon/native-model.h"
#include "addon/promise-worker.h"
#include "attention/backend.h"
#include "grammar/llguidance.h"
#include "matmul/packed-buffer.h"
#include "model/abort-guard.h"

#include "ggml-backend.h"
#include "llama.h"

#include <cmath>
#include <mutex>

namespace pagoda {

namespace {

constexpr int CONTRACT_VERSION = 18; // src/runner/addon-types.ts

// Returns the KV type with this name, which the backend must accept.
ggml_type kv_type_of(const std::string & name, const AttentionBackend & backend) {
    std::string known;
    for (const ggml_type type : backend.kv_types) {
        if (name == ggml_type_name(type)) {
            return type;
        }
        known += std::string(known.empty() ? "" : ", ") + ggml_type_name(type);
    }
    throw Error("invalid_argument", "kvCacheType must be one of " + known);
}

LoadOptions read_load_options(const Napi::Object & o) {
    LoadOptions options;
    options.path          = string_field(o, "path");
    options.draft_path    = string_field(o, "draftPath");
    options.chat_template = string_field(o, "chatTemplate");
    options.n_gpu_layers  = int_field(o, "numGpuLayers", -1, 1 << 20);
    options.max_adapters  = int_field(o, "maxAdapters", 0, 256);
    options.max_adapter_rank = int_field(o, "maxAdapterRank", 1, 512);
    ForwardPassParams & p = options.pass;
    p.block_size = int_field(o, "blockSize", 1, 64);
    p.n_blocks   = int_field(o, "numBlocks", 2, INT32_MAX / p.block_size);
    p.max_seqs   = int_field(o, "maxNumSeqs", 1, 256);
    p.max_tokens = int_field(o, "maxNumBatchedTokens", 1, 1 << 20);
    p.n_threads  = int_field(o, "numThreads", 1, 512);
    p.poll       = int_field(o, "poll", 0, 100);
    p.cpus       = copy_field<int32_t>(o, "cpuAffinity");
    for (int32_t cpu : p.cpus) {
        if (cpu < 0 || cpu >= GGML_MAX_N_THREADS) {
            throw Error("invalid_argument", "cpuAffinity contains an invalid CPU: " + std::to_string(cpu));
        }
    }
    p.attention = attention_backend(string_field(o, "attentionBackend"));
    if (!p.attention) {
        throw Error("invalid_argument", "attentionBackend must be paged or ggml");
    }
    const std::string kernels = string_field(o, "weightKernels");
    if (kernels != "packed" && kernels != "ggml") {
        throw Error("invalid_argument", "weightKernels must be packed or ggml");
    }
    options.packs_weights = kernels == "packed";
    p.kv_type = kv_type_of(string_field(o, "kvCacheType"), *p.attention);
    return options;
}

// Calls a JS function with loading progress, at most once per percent.
class ProgressReporter {
public:
    ProgressReporter(Napi::Env env, Napi::Function callback) : function(Function::New(env, callback, "pagoda load", 0, 1)) {}
    ~ProgressReporter() { function.Release(); }

    void report(float share) {
        const int percent = (int) std::floor(share * 100);
        if (percent <= last) {
            return;
        }
        last = percent;
        function.NonBlockingCall((void *) (intptr_t) percent);
    }

private:
    // The percentage is passed as the pointer value, so there is nothing to free, no matter which side is destroyed first.
    static void call(Napi::Env env, Napi::Function callback, void *, void * percent) {
        if (env == nullptr) {
            return;
        }
        try {
            callback.Call({ Napi::Number::New(env, (double) (intptr_t) percent / 100.0) });
        } catch (const Napi::Error &) {
            // an exception in the listener must not fail the load
        }
    }

    using Function = Napi::TypedThreadSafeFunction<void, void, call>;

    Function function;
    int      last = -1;
};

Napi::Value load_model(const Napi::CallbackInfo & info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        LoadOptions options = read_load_options(object_argument(info, 0));
        if (!info[1].IsFunction()) {
            throw Error("invalid_argument", "argument 1 must be a function");
        }
        auto progress = std::make_shared<ProgressReporter>(info.Env(), info[1].As<Napi::Function>());
        return PromiseWorker<std::shared_ptr<Model>>::start(
            info.Env(),
            [options, progress] { return Model::load(options, [progress](float share) { progress->report(share); }); },
            [](Napi::Env env, std::shared_ptr<Model> & model) -> Napi::Value { return NativeModel::create(env, std::move(model)); });
    });
}

Napi::Value read_header(const Napi::CallbackInfo & info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        const std::string path = string_argument(info, 0);
        const ggml_type kv_type = kv_type_of(string_argument(info, 1), masked_attention()); // accepts all types
        return PromiseWorker<ModelHeader>::start(
            info.Env(), [path, kv_type] { return read_model_header(path, kv_type); },
            [](Napi::Env env, ModelHeader & header) -> Napi::Value { return header_to_js(env, header); });
    });
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
    static std::once_flag once;
    std::call_once(once, [] {
        install_log_capture();
        register_packed_buffer();
        install_abort_guard();
        llama_backend_init();
    });
    auto * data = new AddonData;
    env.SetInstanceData(data);
    data->native_model = NativeModel::define(env);
    env.AddCleanupHook([data] { data->stop(); });
    exports.Set("contractVersion", CONTRACT_VERSION);
    exports.Set("hasGpu", ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_GPU) != nullptr);
    exports.Set("pagedKvCacheType", ggml_type_name(paged_attention().kv_types.front()));
    const Llguidance * grammars = llguidance();
    exports.Set("grammarEngine", grammars ? Napi::Value(Napi::String::New(env, grammars->get_version())) : env.Null());
    exports.Set("readModelHeader", Napi::Function::New(env, read_header));
    exports.Set("loadModel", Napi::Function::New(env, load_model));
    return exports;
}

} // namespace

Napi::Object header_to_js(Napi::Env env, const ModelHeader & header) {
    Napi::Object o = Napi::Object::New(env);
    o.Set("architecture", header.architecture);
    o.Set("quantization", header.quantization);
    o.Set("name", header.name);
    o.Set("weightBytes", (double) header.weight_bytes);
    o.Set("trainedContextLength", (double) header.trained_context_length);
    o.Set("numLayers", (double) header.n_layers);
    o.Set("kvBytesPerToken", (double) header.kv_bytes_per_token);
    o.Set("lacksPreTokenizer", header.lacks_pre_tokenizer);
    return o;
}

} // namespace pagoda

static Napi::Object init_addon(Napi::Env env, Napi::Object exports) { return pagoda::init(env, exports); }
NODE_API_MODULE(pagoda, init_addon)
