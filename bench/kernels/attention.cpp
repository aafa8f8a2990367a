// Times the attention op for one token per sequence or for one prompt chunk, reading K and V from memory in shuffled blocks, layer by
// layer. The plan, partial results and threads are the same as in a real step.

#include "attention-step.h"
#include "rounds.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <numeric>
#include <random>

using namespace pagoda;

namespace pagoda_bench {

namespace {

// Head shapes of SmolLM2-135M and Llama 3.2 1B.
const AttentionShape SHAPES[] = {
    { 64, 9, 3, GGML_TYPE_F16, 16 },
    { 64, 9, 3, GGML_TYPE_BF16, 16 },
    { 64, 9, 3, GGML_TYPE_Q8_0, 16 },
    { 64, 32, 8, GGML_TYPE_F16, 16 },
};
const int32_t CONTEXTS[] = { 256, 1024, 4096, 8192 };
const int32_t SEQUENCES[] = { 1, 16 };
const int32_t CHUNKS[] = { 16, 512 };

// A round computes enough layers to read about this many bytes of K and V.
constexpr size_t ROUND_BYTES = 4u << 20;

// Fills the cache with repeated, plausible K and V values: small, finite, no denormals.
void fill(Arena & arena, ggml_type type) {
    constexpr int64_t N = 1 << 20;
    std::mt19937 rng(7);
    std::normal_distribution<float> normal(0.0f, 1.0f);
    std::vector<float> values(N);
    std::generate(values.begin(), values.end(), [&] { return normal(rng); });
    const size_t bytes = ggml_quantize_chunk(type, values.data(), arena.data, 0, 1, N, nullptr);
    for (size_t at = bytes; at < arena.size; at += bytes) {
        std::copy_n(arena.data, std::min(bytes, arena.size - at), arena.data + at);
    }
}

std::vector<AttentionSequence> sequences_of(int32_t n_seqs, int32_t context, int32_t n_new, int32_t block_size) {
    const int32_t n_blocks = (context + block_size - 1) / block_size;
    std::vector<int32_t> order((size_t) n_seqs * n_blocks);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), std::mt19937(7));
    std::vector<AttentionSequence> sequences;
    for (int32_t s = 0; s < n_seqs; ++s) {
        sequences.push_back({ context, n_new, { order.begin() + s * n_blocks, order.begin() + (s + 1) * n_blocks } });
    }
    return sequences;
}

// Returns seconds per layer. Layers are adjacent in the arena.
double seconds_a_layer(Crew & crew, double budget_s, AttentionStep & step, size_t pool_bytes, const Arena & arena) {
    step.scale = 0.125f;
    std::fill(step.q.begin(), step.q.end(), 0.5f);
    const int64_t n_layers = std::max<int64_t>(1, (int64_t) (arena.size / (2 * pool_bytes)));
    const int64_t n_each   = std::clamp<int64_t>((int64_t) (ROUND_BYTES / (2 * pool_bytes)), 1, n_layers);
    const double seconds = seconds_a_round(crew, budget_s, [&](int thread, int64_t round) {
        for (int64_t i = 0; i < n_each; ++i) {
            const uint8_t * k = arena.data + (round * n_each + i) % n_layers * 2 * pool_bytes;
            step.run(k, k + pool_bytes, nullptr, thread, crew.n_threads);
            crew.wait(); // a barrier, like the one after each graph node
        }
    });
    return seconds / n_each;
}

void bench_decode(Crew & crew, double budget_s, const AttentionShape & shape, int32_t n_seqs, int32_t context, const Arena & arena) {
    AttentionStep step(shape, sequences_of(n_seqs, context, 1, shape.block_size), crew.n_threads);
    const size_t pool_bytes = (size_t) n_seqs * context * shape.slot_bytes();
    const double seconds    = seconds_a_layer(crew, budget_s, step, pool_bytes, arena);
    std::printf("{\"kind\":\"attention\",\"type\":\"%s\",\"heads\":%d,\"kvHeads\":%d,\"sequences\":%d,\"context\":%d,\"seconds\":%.4e,\"bytes\":%.0f}\n",
                ggml_type_name(shape.kv_type), shape.n_head, shape.n_head_kv, n_seqs, context, seconds, 2.0 * pool_bytes);
    std::fflush(stdout);
}

void bench_chunk(Crew & crew, double budget_s, const AttentionShape & shape, int32_t n_tokens, int32_t context, const Arena & arena) {
    AttentionStep step(shape, sequences_of(1, context, n_tokens, shape.block_size), crew.n_threads);
    const double n_seen  = (double) n_tokens * context - 0.5 * n_tokens * (n_tokens - 1);
    const double seconds = seconds_a_layer(crew, budget_s, step, context * shape.slot_bytes(), arena);
    std::printf("{\"kind\":\"chunk\",\"type\":\"%s\",\"heads\":%d,\"kvHeads\":%d,\"tokens\":%d,\"context\":%d,\"seconds\":%.4e,\"ops\":%.0f}\n",
                ggml_type_name(shape.kv_type), shape.n_head, shape.n_head_kv, n_tokens, context, seconds,
                4.0 * n_seen * shape.n_head * shape.head_dim);
    std::fflush(stdout);
}

} // namespace

void bench_attention(Crew & crew, double budget_s) {
    // Sixteen sequences at the longest context with 8 KV heads need 256 MiB for K and V.
    Arena arena(ARENA_BYTES + (32u << 20));
    for (const AttentionShape & shape : SHAPES) {
        fill(arena, shape.kv_type);
        for (const int32_t n_seqs : SEQUENCES) {
            for (const int32_t context : CONTEXTS) {
                bench_decode(crew, budget_s, shape, n_seqs, context, arena);
            }
        }
        for (const int32_t n_tokens : CHUNKS) {
            for (const int32_t context : CONTEXTS) {
                if (n_tokens <= context) {
                    bench_chunk(crew, budget_s, shape, n_tokens, context, arena);
                }
            }
        }
    }
}

} // namespace pagoda_bench
