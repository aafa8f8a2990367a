// Reads arbitrary bytes as a LoRA adapter for a small model, which must succeed or throw Error, in bounded time.

#include "error-codes.h"
#include "model/abort-guard.h"
#include "model/adapter-file.h"
#include "model/model-file.h"
#include "mutation-loop.h"

#include "ggml.h"

#include <sys/mman.h>

namespace {

int                                    file = -1;
std::string                            path;
std::unique_ptr<pagoda::AdapterTable> table;

// The weights of a model, each used once as in a graph.
void make_table() {
    ggml_context * ctx = ggml_init({ 1 << 16, nullptr, /*.no_alloc =*/ true });
    std::vector<const ggml_tensor *> weights;
    for (const auto & [name, n_out] : { std::pair{ "blk.0.attn_q.weight", 24 }, { "token_embd.weight", 40 }, { "output.weight", 40 } }) {
        ggml_tensor * w = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, 16, n_out);
        ggml_set_name(w, name);
        weights.push_back(w);
    }
    table = std::make_unique<pagoda::AdapterTable>(1, 8, weights);
    llama_placement placement = {};
    table->attach(placement);
    table->begin_reserve();
    for (const ggml_tensor * weight : weights) {
        const bool    is_embedding = weight->name[0] == 't';
        ggml_tensor * w   = const_cast<ggml_tensor *>(weight);
        ggml_tensor * x   = is_embedding ? ggml_new_tensor_1d(ctx, GGML_TYPE_I32, 2) : ggml_new_tensor_2d(ctx, GGML_TYPE_F32, 16, 2);
        ggml_tensor * res = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, is_embedding ? 16 : w->ne[1], 2);
        placement.adapt(&placement, ctx, w, x, res, 2, 2);
    }
    table->end_reserve();
    ggml_free(ctx);
}

} // namespace

std::vector<std::string> fuzz_words() {
    return { "GGUF", "general.architecture", "llama", "general.type", "adapter", "adapter.type", "lora", "adapter.lora.alpha",
             "adapter.alora.invocation_tokens", "blk.0.attn_q.weight.lora_a", "token_embd.weight.lora_b", "output.weight.lora_a" };
}

void fuzz_start(const char *) {
    file = memfd_create("adapter", 0);
    path = "/proc/self/fd/" + std::to_string(file);
    pagoda::install_log_capture();
    pagoda::install_abort_guard();
    make_table();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size) {
    if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t) size) {
        std::abort();
    }
    try {
        table->install(0, pagoda::read_adapter(path, "llama", *table));
    } catch (const pagoda::Error &) {
        pagoda::take_log_error();
    }
    return 0;
}
