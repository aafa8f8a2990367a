// The custom op: cuts a step into tasks, gives each thread its share by cost, and finishes the rows
// (sinks, normalisation). The scalar kernel is here; vector kernels have their own files.

#include "paged-attention.h"

#include "paged-attention-kernel.h"

#include "ggml.h"

#include <cstdlib>
#include <string_view>
#include <vector>

namespace pagoda {

namespace {

// One lane: correct on every CPU and for every head size.
struct Scalar {
    using V = float;
    static constexpr int W     = 1;
    static constexpr int CHUNK = 8;

    static V     zero() { return 0.0f; }
    static V     set1(float x) { return x; }
    static V     load(const float * p) { return *p; }
    static V     load_f16(const uint16_t * p) { return ggml_fp16_to_fp32(*p); }
    static void  store(float * p, V x) { *p = x; }
    static V     fma(V a, V b, V c) { return a * b + c; }
    static V     mul(V a, V b) { return a * b; }
    static V     add(V a, V b) { return a + b; }
    static V     sub(V a, V b) { return a - b; }
    static float hsum(V a) { return a; }
    static V     exp(V x) { return std::exp(x); }
};

struct KernelSet {
    const char *    name;
    AttentionKernel kernel;
    int             lanes; // head sizes must be divisible by this
};

KernelSet pick_kernel() {
#if defined(__x86_64__) || defined(_M_X64)
    const char * env = std::getenv("PAGODA_CPU");
    const std::string_view forced = env ? env : "";
    const bool has512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    const bool has2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    if (has512 && forced != "avx2" && forced != "generic") {
        return { "avx512", attention_avx512, 16 };
    }
    if (has2 && forced != "generic") {
        return { "avx2", attention_avx2, 8 };
    }
#endif
    return { "generic", attention_generic, 1 };
}

const KernelSet & kernel_set() {
    static const KernelSet set = pick_kernel();
    return set;
}

// Query tokens of a sequence that are computed together: K/V are read once for all of them.
constexpr int32_t TILE_TOKENS = 16;

struct Task {
    int32_t seq;
    int32_t token0;
    int32_t n_tokens;
    int32_t kv_head;
};

// Tasks of a step in a fixed order with their running cost; the same for all layers and threads.
template <class F>
void for_each_task(const llama_placement & p, int32_t n_head_kv, F && f) {
    for (int32_t s = 0; s < p.n_seqs; ++s) {
        for (int32_t t = p.query_start[s]; t < p.query_start[s + 1]; t += TILE_TOKENS) {
            const int32_t n = std::min(TILE_TOKENS, p.query_start[s + 1] - t);
            for (int32_t h = 0; h < n_head_kv; ++h) {
                f(Task{ s, t, n, h }, (int64_t) n * (p.positions[t + n - 1] + 64));
            }
        }
    }
}

struct Workspace {
    std::vector<float>   q, acc, row_max, row_sum, scratch;
    std::vector<int32_t> positions;
};

struct Op {
    const llama_placement_layer & layer;
    ggml_tensor *                 dst;
    const ggml_tensor *           q;
    const ggml_tensor *           k;
    const ggml_tensor *           v;
    const float *                 sinks; // [n_head] or null

    int32_t group() const { return (int32_t) (q->ne[1] / k->ne[1]); }
};

void gather_queries(const Op & op, const Task & task, Workspace & ws) {
    const int32_t group = op.group();
    const int32_t dk    = (int32_t) op.k->ne[0];
    const int32_t rows  = task.n_tokens * group;
    ws.q.resize((size_t) rows * dk);
    ws.positions.resize(rows);
    for (int32_t r = 0; r < rows; ++r) {
        const int32_t token = task.token0 + r / group;
        const int32_t head  = task.kv_head * group + r % group;
        const float * src   = (const float *) ((const char *) op.q->data + token * op.q->nb[2] + head * op.q->nb[1]);
        for (int32_t c = 0; c < dk; ++c) {
            ws.q[(size_t) r * dk + c] = src[c] * op.layer.kq_scale;
        }
        ws.positions[r] = op.layer.placement->positions[token];
    }
}

// Adds the sink's share of the softmax, normalises, and writes to dst [head_dim_v * n_head, n_tokens].
void write_rows(const Op & op, const Task & task, Workspace & ws) {
    const int32_t group = op.group();
    const int32_t dv    = (int32_t) op.v->ne[0];
    for (int32_t r = 0; r < task.n_tokens * group; ++r) {
        const int32_t head  = task.kv_head * group + r % group;
        const int32_t token = task.token0 + r / group;
        float sum   = ws.row_sum[r];
        float scale = 1.0f;
        if (op.sinks) {
            const float m = std::max(ws.row_max[r], op.sinks[head]);
            scale = std::exp(ws.row_max[r] - m);
            sum   = sum * scale + std::exp(op.sinks[head] - m);
        }
        const float inv = scale / sum;
        float *       out = (float *) ((char *) op.dst->data + token * op.dst->nb[1]) + (int64_t) head * dv;
        const float * acc = ws.acc.data() + (size_t) r * dv;
        for (int32_t c = 0; c < dv; ++c) {
            out[c] = acc[c] * inv;
        }
    }
}

void run_task(const Op & op, const Task & task, Workspace & ws) {
    const llama_placement & p = *op.layer.placement;
    const int32_t dk   = (int32_t) op.k->ne[0];
    const int32_t dv   = (int32_t) op.v->ne[0];
    const int32_t rows = task.n_tokens * op.group();
    gather_queries(op, task, ws);
    ws.acc.resize((size_t) rows * dv);
    ws.row_max.resize(rows);
    ws.row_sum.resize(rows);
    ws.scratch.resize((size_t) MAX_BLOCK * (dk + dv));
    AttentionTask t = {};
    t.q             = ws.q.data();
    t.row_positions = ws.positions.data();
    t.n_rows        = rows;
    t.k             = (const char *) op.k->data + task.kv_head * op.k->nb[1];
    t.v             = (const char *) op.v->data + task.kv_head * op.v->nb[1];
    t.k_stride      = (int64_t) op.k->nb[2];
    t.v_stride      = (int64_t) op.v->nb[2];
    t.is_f32        = op.k->type == GGML_TYPE_F32;
    t.head_dim_k    = dk;
    t.head_dim_v    = dv;
    t.block_ids     = p.block_ids + p.block_start[task.seq];
    t.block_size    = p.block_size;
    t.n_swa         = op.layer.n_swa;
    t.swa_type      = op.layer.swa_type;
    t.softcap       = op.layer.logit_softcap;
    t.scratch       = ws.scratch.data();
    t.acc           = ws.acc.data();
    t.row_max       = ws.row_max.data();
    t.row_sum       = ws.row_sum.data();
    const KernelSet & set = kernel_set();
    const bool fits = dk % set.lanes == 0 && dv % set.lanes == 0;
    (fits ? set.kernel : attention_generic)(t);
    write_rows(op, task, ws);
}

} // namespace

void attention_generic(const AttentionTask & task) { attention<Scalar>(task); }

const char * attention_kernel_name() { return kernel_set().name; }

void paged_attention_op(ggml_tensor * dst, int ith, int nth, void * user_data) {
    const auto & layer = *static_cast<const llama_placement_layer *>(user_data);
    const ggml_tensor * sinks = dst->src[3];
    const Op op = { layer, dst, dst->src[0], dst->src[1], dst->src[2], sinks ? (const float *) sinks->data : nullptr };
    const int32_t n_head_kv = (int32_t) op.k->ne[1];

    int64_t total = 0;
    for_each_task(*layer.placement, n_head_kv, [&](const Task &, int64_t cost) { total += cost; });

    // Thread i takes the tasks whose middle lies in its share of the cost.
    static thread_local Workspace ws;
    int64_t before = 0;
    for_each_task(*layer.placement, n_head_kv, [&](const Task & task, int64_t cost) {
        const int64_t owner = (2 * before + cost) * nth / (2 * total);
        if (owner == ith) {
            run_task(op, task, ws);
        }
        before += cost;
    });
}

} // namespace pagoda
