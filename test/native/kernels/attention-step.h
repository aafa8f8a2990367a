// One layer of one step as input to the attention op, without a graph: tensors over the caller's storage,
// block tables and the plan. For programs that test or time the op.
#pragma once

#include "attention/op.h"
#include "attention/plan.h"

#include "ggml.h"

#include <cstdint>
#include <vector>

namespace pagoda {

struct AttentionShape {
    int32_t   head_dim;
    int32_t   n_head;
    int32_t   n_head_kv;
    ggml_type kv_type;
    int32_t   block_size;
    float     softcap  = 0.0f;
    int32_t   n_swa    = 0;
    int32_t   swa_type = 0;

    size_t slot_bytes() const { return ggml_row_size(kv_type, head_dim) * n_head_kv; }
};

// The last `n_new` of `n_tokens` tokens are computed.
struct AttentionSequence {
    int32_t              n_tokens;
    int32_t              n_new;
    std::vector<int32_t> blocks;
};

class AttentionStep {
public:
    AttentionStep(const AttentionShape & shape, const std::vector<AttentionSequence> & sequences, int32_t n_threads)
        : shape(shape) {
        query_start.push_back(0);
        block_start.push_back(0);
        for (const AttentionSequence & s : sequences) {
            for (int32_t p = s.n_tokens - s.n_new; p < s.n_tokens; ++p) {
                positions.push_back(p);
            }
            block_ids.insert(block_ids.end(), s.blocks.begin(), s.blocks.end());
            query_start.push_back((int32_t) positions.size());
            block_start.push_back((int32_t) block_ids.size());
        }
        plan.n_tokens    = num_rows();
        plan.n_seqs      = (int32_t) sequences.size();
        plan.block_size  = shape.block_size;
        plan.positions   = positions.data();
        plan.query_start = query_start.data();
        plan.block_start = block_start.data();
        plan.block_ids   = block_ids.data();
        plan.prepare(n_threads);
        q.resize((size_t) num_rows() * shape.n_head * shape.head_dim);
        out.resize(q.size());
    }

    AttentionStep(const AttentionStep &)             = delete;
    AttentionStep & operator=(const AttentionStep &) = delete;

    int32_t num_rows() const { return (int32_t) positions.size(); }

    // Computes one thread's share of the layer. K and V are [slots][slot_bytes()]; `sinks` is [n_head] or
    // null.
    void run(const void * k, const void * v, const float * sinks, int thread, int n_threads) {
        const llama_placement_layer layer = { &plan, scale, shape.softcap, shape.n_swa, shape.swa_type };
        ggml_tensor tq = rows_tensor(q.data());
        ggml_tensor td = rows_tensor(out.data());
        ggml_tensor tk = pool_tensor(k), tv = pool_tensor(v), ts = {};
        ts.data = const_cast<float *>(sinks);
        td.src[0] = &tq;
        td.src[1] = &tk;
        td.src[2] = &tv;
        td.src[3] = sinks ? &ts : nullptr;
        td.ne[0] = (int64_t) shape.head_dim * shape.n_head;
        td.ne[1] = num_rows();
        td.ne[2] = 1;
        td.nb[1] = td.ne[0] * sizeof(float);
        paged_attention_op(&td, thread, n_threads, const_cast<llama_placement_layer *>(&layer));
    }

    AttentionShape       shape;
    std::vector<int32_t> positions, query_start, block_start, block_ids;
    AttentionPlan        plan;
    float                scale = 1.0f;
    std::vector<float>   q;   // [rows, n_head, head_dim]
    std::vector<float>   out; // [rows, n_head * head_dim]

private:
    ggml_tensor rows_tensor(float * data) const {
        ggml_tensor t = {};
        t.type = GGML_TYPE_F32;
        t.data = data;
        set_shape(t, shape.head_dim, shape.n_head, num_rows(), sizeof(float) * shape.head_dim);
        return t;
    }

    ggml_tensor pool_tensor(const void * data) const {
        ggml_tensor t = {};
        t.type = shape.kv_type;
        t.data = const_cast<void *>(data);
        set_shape(t, shape.head_dim, shape.n_head_kv, 0, ggml_row_size(shape.kv_type, shape.head_dim));
        return t;
    }

    static void set_shape(ggml_tensor & t, int64_t dim, int64_t heads, int64_t rows, size_t head_bytes) {
        t.ne[0] = dim;
        t.ne[1] = heads;
        t.ne[2] = rows;
        t.ne[3] = 1;
        t.nb[0] = ggml_type_size(t.type);
        t.nb[1] = head_bytes;
        t.nb[2] = head_bytes * heads;
        t.nb[3] = t.nb[2] * rows;
    }
};

} // namespace pagoda
