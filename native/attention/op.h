// Attention over block tables on the CPU: a ggml custom op that reads K and V through the placement. A row's result
// depends only on its query, its position and its K and V. The other rows, the number of threads and the order of
// blocks do not change a bit of it.
//
// Declares the op and its threads' view of one layer of one step: the tickets, their rows and the storage of
// partial results.
#pragma once

#include "attention/plan.h"

#include "ggml.h"

#include <vector>

namespace pagoda {

// Value for llama_placement::attention. `layer` is a llama_placement_layer whose placement is an AttentionPlan that was
// prepared for the step.
void paged_attention_op(ggml_tensor * dst, int ith, int nth, void * layer);

// Buffers of one thread, reused from task to task.
struct Workspace {
    std::vector<float>   q, total, acc, max, sum, total_max, total_sum, scratch;
    std::vector<int32_t> positions;
};

struct Ticket {
    const AttentionTask * task;
    int32_t               kv_head;
};

// One layer of one step.
struct Op {
    AttentionPlan &               plan;
    const llama_placement_layer & layer;
    ggml_tensor *                 dst;
    const ggml_tensor *           q;
    const ggml_tensor *           k;
    const ggml_tensor *           v;
    const float *                 sinks; // [n_head] or null

    int32_t n_head() const { return (int32_t) q->ne[1]; }
    int32_t n_head_kv() const { return (int32_t) k->ne[1]; }
    int32_t group() const { return n_head() / n_head_kv(); }
    int32_t dk() const { return (int32_t) k->ne[0]; }
    int32_t dv() const { return (int32_t) v->ne[0]; }

    int64_t num_tickets() const { return (int64_t) plan.tasks.size() * n_head_kv(); }
    Ticket  ticket(int64_t i) const { return { &plan.tasks[i / n_head_kv()], (int32_t) (i % n_head_kv()) }; }

    const AttentionTile & member(const AttentionTask & task, int32_t i) const {
        return plan.tiles[plan.members[task.first_member + i]];
    }
    bool is_whole(const AttentionTask & task) const { return member(task, 0).first_partial < 0; }

    // A partial consists of dv sums, then max and sum.
    size_t  partial_size() const { return dv() + 2; }
    float * partial(float * buffer, const AttentionTile & tile, int32_t token, int32_t part, int32_t head) const {
        const int64_t index = tile.first_partial + (int64_t) token * tile.n_parts + part;
        return buffer + (index * n_head() + head) * partial_size();
    }
};

// Calls f(row, tile, token of the tile, query head) for every row of a ticket.
template <class F>
void for_each_row(const Op & op, const Ticket & ticket, F && f) {
    const int32_t group = op.group();
    int32_t row = 0;
    for (int32_t i = 0; i < ticket.task->n_members; ++i) {
        const AttentionTile & tile = op.member(*ticket.task, i);
        for (int32_t token = 0; token < tile.n_tokens; ++token) {
            for (int32_t g = 0; g < group; ++g) {
                f(row++, tile, token, ticket.kv_head * group + g);
            }
        }
    }
}

// Folds a finished partition of a task that has all partitions. The first partition's results are the initial
// totals.
void end_part_of_whole(const Op & op, const KernelCall & call, bool is_first, Workspace & ws);

// Stores a partition's results for fold_tile().
void keep_partials(const Op & op, const Ticket & ticket, int32_t part, float * buffer, const Workspace & ws);

// Stores empty results for the ticket's partitions before part_end, which are entirely outside the window.
void keep_nothing(const Op & op, const Ticket & ticket, int32_t part_end, float * buffer);

// Writes the rows of a ticket that has all partitions of its rows.
void write_rows(const Op & op, const Ticket & ticket, Workspace & ws);

// Folds a tile's partials for all heads and writes its rows.
void fold_tile(const Op & op, const AttentionTile & tile, float * buffer, Workspace & ws);

} // namespace pagoda
