// Prints the logits that llama.cpp computes without Pagoda's placement, as a control: one line for each token of a prompt.
// Arguments: model, adapter or "-", scale, tokens. Built by test/native/adapter-stock.test.ts.

#include "llama-cpp.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

int main(int argc, char ** argv) {
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    llama_backend_init();
    const llama_model_ptr model(llama_model_load_from_file(argv[1], llama_model_default_params()));
    llama_context_params params = llama_context_default_params();
    params.type_k = params.type_v = GGML_TYPE_F32;
    params.flash_attn_type        = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    params.n_threads = params.n_threads_batch = 1;
    const llama_context_ptr ctx(model ? llama_init_from_model(model.get(), params) : nullptr);
    if (!ctx) {
        return 1;
    }
    if (std::string(argv[2]) != "-") {
        llama_adapter_lora * adapter = llama_adapter_lora_init(model.get(), argv[2]);
        float scale = std::strtof(argv[3], nullptr);
        if (!adapter || llama_set_adapters_lora(ctx.get(), &adapter, 1, &scale) != 0) {
            return 1;
        }
    }
    const int n_tokens = argc - 4, n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(model.get()));
    llama_batch batch = llama_batch_init(n_tokens, 0, 1);
    batch.n_tokens = n_tokens;
    for (int i = 0; i < n_tokens; ++i) {
        batch.token[i]     = std::atoi(argv[4 + i]);
        batch.pos[i]       = i;
        batch.n_seq_id[i]  = 1;
        batch.seq_id[i][0] = 0;
        batch.logits[i]    = 1;
    }
    const int status = llama_decode(ctx.get(), batch);
    for (int i = 0; status == 0 && i < n_tokens; ++i) {
        for (int token = 0; token < n_vocab; ++token) {
            std::printf("%.9g ", (double) llama_get_logits_ith(ctx.get(), i)[token]);
        }
        std::printf("\n");
    }
    llama_batch_free(batch);
    return status;
}
