// The context is created once, with a single KV stream. Because n_batch equals n_ubatch, each step is a single graph. With flash
// attention on, V is not transposed, so a block is contiguous in each layer's K and V.

#include "model/forward-pass.h"

#include "error-codes.h"
#include "matmul/packed-buffer.h"
#include "model/model-file.h"

#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "llama-ext.h"

#include <chrono>

namespace pagoda {

namespace {

double now_ms() {
    using namespace std::chrono;
    return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

llama_context_params context_params(const ForwardPassParams & p, llama_placement * placement) {
    llama_context_params c = llama_context_default_params();
    c.n_ctx           = (uint32_t) p.n_blocks * p.block_size;
    c.n_batch         = p.max_tokens;
    c.n_ubatch        = p.max_tokens;
    c.n_seq_max       = p.max_seqs;
    c.n_threads       = p.n_threads;
    c.n_threads_batch = p.n_threads;
    c.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;
    c.type_k          = p.kv_type;
    c.type_v          = c.type_k;
    c.offload_kqv     = true;
    c.no_perf         = true;
    c.swa_full        = true;
    c.kv_unified      = true;
    c.placement       = placement;
    return c;
}

ggml_threadpool_params threadpool_params(const ForwardPassParams & p) {
    ggml_threadpool_params tp = ggml_threadpool_params_default(p.n_threads);
    tp.poll       = (uint32_t) p.poll; // 1 spins for a few milliseconds; ggml's default of 50 occupies a core for a third of a second
    tp.strict_cpu = true;
    tp.paused     = true; // so the first step binds its own thread, not the loading thread
    for (int32_t cpu : p.cpus) {
        tp.cpumask[cpu] = true;
    }
    return tp;
}

llama_context_ptr make_context(llama_model * model, const llama_context_params & context) {
    take_log_error();
    llama_context_ptr ctx(llama_init_from_model(model, context));
    if (!ctx) {
        const std::string detail = take_log_error();
        const bool is_memory = detail.find("alloc") != std::string::npos;
        throw Error(is_memory ? "out_of_memory" : "model_unsupported",
                    "llama.cpp cannot create a context with placed KV blocks for this model" + (detail.empty() ? "" : ": " + detail));
    }
    return ctx;
}

// Maximum number of layers in the KV cache, including layers after the last text layer, such as graniteswitch's
// router.
int32_t n_cached_layers(const llama_model * model) { return llama_model_n_layer(model) + llama_model_n_layer_nextn(model); }

} // namespace

void ThreadPoolDeleter::operator()(ggml_threadpool * pool) const { ggml_threadpool_free(pool); }

ForwardPass::ForwardPass(llama_model * model, const ForwardPassParams & p, AdapterTable & adapters, ggml_threadpool * shared)
    : params(p), n_vocab(llama_vocab_n_tokens(llama_model_get_vocab(model))), adapters(adapters), head(n_vocab),
      layers(n_cached_layers(model)), batch_buffer(p.max_tokens) {
    static const int32_t no_blocks[] = { 0, 0 };
    plan.block_size  = p.block_size;
    plan.block_start = no_blocks; // n_seqs is 0 until the first step
    plan.attention   = p.attention->op;
    plan.layers      = layers.data();
    plan.n_layers    = (int32_t) layers.size();

    adapters.attach(plan);
    adapters.begin_reserve();
    ctx = make_context(model, context_params(p, &plan));
    adapters.end_reserve();
    if (!shared) {
        ggml_threadpool_params tp = threadpool_params(p);
        own_threadpool.reset(ggml_threadpool_new(&tp));
    }
    threadpool = shared ? shared : own_threadpool.get();
    llama_attach_threadpool(ctx.get(), threadpool, threadpool);
    activations = std::make_unique<ActivationStore>(threadpool, p.n_threads, p.max_tokens, widest_packed_blocks(), head);
    sampler     = std::make_unique<SampleRows>(n_vocab, p.n_threads, threadpool);

    llama_memory_t memory = llama_get_memory(ctx.get());
    kv_tensors.resize(llama_memory_kv_tensors(memory, nullptr, 0));
    llama_memory_kv_tensors(memory, kv_tensors.data(), (int32_t) kv_tensors.size());
}

size_t ForwardPass::weight_bytes() const {
    size_t bytes = 0;
    for (const auto & [type, data] : llama_get_memory_breakdown(ctx.get())) {
        bytes += data.model;
    }
    return bytes;
}

size_t ForwardPass::kv_bytes() const {
    size_t bytes = 0;
    for (const ggml_tensor * t : kv_tensors) {
        bytes += ggml_nbytes(t);
    }
    return bytes;
}

size_t ForwardPass::scratch_bytes() const {
    size_t bytes = 0;
    for (const auto & [type, data] : llama_get_memory_breakdown(ctx.get())) {
        bytes += data.compute;
    }
    return bytes;
}

StepTimings ForwardPass::run(const StepBatch & batch, const SamplerPool & samplers, std::vector<SampleResult> & results) {
    const double start = now_ms();
    copy_blocks(batch.copies);
    const std::future<void> masks = start_masks(batch, samplers); // if decode() throws, waits for the masks
    const HeadNeed need = batch.head_need(samplers);
    head.begin_step(need, batch.rows.size(), need == HeadNeed::argmax ? allowed_tokens(batch, samplers, masks) : nullptr);
    decode(batch);
    if (masks.valid()) {
        masks.wait();
    }
    const double decoded = now_ms();
    sample(batch, samplers, results);
    return { decoded - start, now_ms() - decoded };
}

void ForwardPass::copy_blocks(const std::vector<int32_t> & copies) {
    params.attention->copy_blocks(kv_tensors, params.block_size, copies);
}

std::future<void> ForwardPass::start_masks(const StepBatch & batch, const SamplerPool & samplers) const {
    std::vector<Matcher *> matchers;
    for (const OutputRow & row : batch.rows) {
        SamplerState * state = samplers.find(row.sampler);
        if (state && state->matcher && !state->matcher->is_computed()) {
            matchers.push_back(state->matcher.get());
        }
    }
    if (matchers.empty()) {
        return {};
    }
    return std::async(std::launch::async, [matchers = std::move(matchers)] {
        for (Matcher * matcher : matchers) {
            matcher->mask();
        }
    });
}

AllowedTokens ForwardPass::allowed_tokens(const StepBatch & batch, const SamplerPool & samplers,
                                          const std::future<void> & masks) const {
    const SamplerState * state = batch.rows.size() == 1 ? samplers.find(batch.rows[0].sampler) : nullptr;
    if (!state) {
        return nullptr;
    }
    return [&masks, matcher = state->matcher.get()] {
        if (masks.valid()) {
            masks.wait();
        }
        return matcher->mask();
    };
}

void ForwardPass::decode(const StepBatch & batch) {
    plan.n_tokens    = batch.n_tokens();
    plan.n_seqs      = batch.n_seqs();
    plan.slots       = batch.slots.data();
    plan.positions   = batch.positions.data();
    plan.query_start = batch.query_start.data();
    plan.block_start = batch.block_start.data();
    plan.block_ids   = batch.block_ids.data();
    params.attention->prepare(plan, params.n_threads);
    set_adapters(batch);

    GGML_ASSERT(batch.n_tokens() <= params.max_tokens && batch.n_seqs() <= params.max_seqs); // StepBatch::validate()
    llama_batch & b = batch_buffer;
    b.n_tokens = batch.n_tokens();
    for (int32_t s = 0; s < batch.n_seqs(); ++s) {
        for (int32_t t = batch.query_start[s]; t < batch.query_start[s + 1]; ++t) {
            b.token[t]     = batch.tokens[t];
            b.pos[t]       = batch.positions[t];
            b.n_seq_id[t]  = 1;
            b.seq_id[t][0] = s;
            b.logits[t]    = 0;
        }
    }
    for (const OutputRow & row : batch.rows) {
        b.logits[row.token_row] = 1;
    }
    activations->begin_step();
    const int32_t status = llama_decode(ctx.get(), b);
    if (status != 0) {
        throw Error("decode_failed", "llama_decode returned " + std::to_string(status), status);
    }
    llama_synchronize(ctx.get());
}

void ForwardPass::set_adapters(const StepBatch & batch) {
    output_rows.clear();
    for (const OutputRow & row : batch.rows) {
        if (output_rows.empty() || output_rows.back() != row.token_row) {
            output_rows.push_back(row.token_row);
        }
    }
    plan.adapted = adapters.begin_step(batch.adapter_slots, output_rows);
}

void ForwardPass::sample(const StepBatch & batch, const SamplerPool & samplers, std::vector<SampleResult> & results) {
    sample_rows.clear();
    for (const OutputRow & row : batch.rows) {
        const float * logits = llama_get_logits_ith(ctx.get(), row.token_row);
        if (!logits) {
            throw Error("decode_failed", "no logits for token row " + std::to_string(row.token_row));
        }
        sample_rows.push_back({ row, logits, n_vocab, samplers.find(row.sampler), head.maxima_of(logits) });
    }
    sampler->run(sample_rows, results);
}

} // namespace pagoda
