// The custom op: threads take tickets, each one task of the plan for one K/V head, until there are none.
// A task folds its partials itself where it has all of its rows' partitions; else it leaves them for
// whoever ends the last task of the tile.

#include "paged-attention.h"

#include "paged-attention-plan.h"

#include "ggml.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace pagoda {

namespace {

// Tickets that a thread takes at once: enough for the next one's K to be fetched in time, few enough
// that a thread which loses its core holds back an eighth of its share.
constexpr int64_t TAKES_PER_THREAD = 8;

// A row's softmax over some of its tokens: [head_dim_v] unnormalised sums in `acc`.
struct Partial {
    float * acc;
    float   max;
    float   sum;
};

// Takes the next partition's partial into the row's total. Folding onto nothing is copying.
void fold(Partial & total, const float * acc, float max, float sum, int32_t n) {
    if (sum == 0.0f) {
        return; // none of its tokens are seen
    }
    const float new_max = std::max(total.max, max);
    const float a = std::exp(total.max - new_max);
    const float b = std::exp(max - new_max);
    for (int32_t c = 0; c < n; ++c) {
        total.acc[c] = total.acc[c] * a + acc[c] * b;
    }
    total.sum = total.sum * a + sum * b;
    total.max = new_max;
}

// Of one thread, kept from task to task.
struct Workspace {
    std::vector<float>   q, total, acc, max, sum, total_max, total_sum, scratch;
    std::vector<int32_t> positions;
};

struct Ticket {
    const AttentionWork * work;
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

    int64_t num_tickets() const { return (int64_t) plan.works.size() * n_head_kv(); }
    Ticket  ticket(int64_t i) const { return { &plan.works[i / n_head_kv()], (int32_t) (i % n_head_kv()) }; }

    const AttentionTile & member(const AttentionWork & work, int32_t i) const {
        return plan.tiles[plan.members[work.first_member + i]];
    }
    bool is_whole(const AttentionWork & work) const { return member(work, 0).first_partial < 0; }

    // A partial is dv sums, then max and sum.
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
    for (int32_t i = 0; i < ticket.work->n_members; ++i) {
        const AttentionTile & tile = op.member(*ticket.work, i);
        for (int32_t token = 0; token < tile.n_tokens; ++token) {
            for (int32_t g = 0; g < group; ++g) {
                f(row++, tile, token, ticket.kv_head * group + g);
            }
        }
    }
}

// First position that a row of the ticket sees.
int32_t first_seen(const Op & op, const Ticket & ticket) {
    int32_t first = INT32_MAX;
    for (int32_t i = 0; i < ticket.work->n_members; ++i) {
        const int32_t pos = op.plan.positions[op.member(*ticket.work, i).token0];
        first = std::min(first, window_start(op.layer.n_swa, op.layer.swa_type, pos));
    }
    return first;
}

int32_t first_part(const Op & op, const Ticket & ticket) {
    return std::max(ticket.work->part_begin, first_seen(op, ticket) / PARTITION_TOKENS);
}

KvType kv_type_of(const ggml_tensor * k) {
    return k->type == GGML_TYPE_F32 ? KvType::f32 : k->type == GGML_TYPE_F16 ? KvType::f16 : KvType::q8_0;
}

// Where K and V of a partition are; rows and results are left out.
AttentionTask locate(const Op & op, const Ticket & ticket, int32_t part) {
    const AttentionTile & tile = op.member(*ticket.work, 0);
    AttentionTask t = {};
    t.k          = (const char *) op.k->data + ticket.kv_head * op.k->nb[1];
    t.v          = (const char *) op.v->data + ticket.kv_head * op.v->nb[1];
    t.k_stride   = (int64_t) op.k->nb[2];
    t.v_stride   = (int64_t) op.v->nb[2];
    t.kv_type    = kv_type_of(op.k);
    t.head_dim_k = op.dk();
    t.head_dim_v = op.dv();
    t.block_ids  = op.plan.blocks_of(tile);
    t.block_size = op.plan.block_size;
    t.n_swa      = op.layer.n_swa;
    t.swa_type   = op.layer.swa_type;
    t.softcap    = op.layer.logit_softcap;
    t.begin      = std::max(part * PARTITION_TOKENS, first_seen(op, ticket) / SPAN_TOKENS * SPAN_TOKENS);
    t.end        = std::min((part + 1) * PARTITION_TOKENS, op.plan.last_position(tile) + 1);
    return t;
}

// Scales the queries and lays them out as rows; makes room for the results. Returns the number of rows.
int32_t gather_rows(const Op & op, const Ticket & ticket, Workspace & ws) {
    const int32_t dk = op.dk(), dv = op.dv();
    int32_t n_rows = 0;
    for (int32_t i = 0; i < ticket.work->n_members; ++i) {
        n_rows += op.member(*ticket.work, i).n_tokens * op.group();
    }
    ws.q.resize((size_t) n_rows * dk);
    ws.positions.resize(n_rows);
    for (auto * sums : { &ws.total, &ws.acc }) {
        sums->resize((size_t) n_rows * dv);
    }
    for (auto * stats : { &ws.max, &ws.sum, &ws.total_max, &ws.total_sum }) {
        stats->resize(n_rows);
    }
    ws.scratch.resize((size_t) SPAN_TOKENS * (dk + dv));
    for_each_row(op, ticket, [&](int32_t row, const AttentionTile & tile, int32_t i, int32_t head) {
        const int32_t token = tile.token0 + i;
        const float * src = (const float *) ((const char *) op.q->data + token * op.q->nb[2] + head * op.q->nb[1]);
        float *       to  = ws.q.data() + (size_t) row * dk;
        for (int32_t c = 0; c < dk; ++c) {
            to[c] = src[c] * op.layer.kq_scale;
        }
        ws.positions[row] = op.plan.positions[token];
    });
    return n_rows;
}

// Adds the sink's share of the softmax, normalises, and writes to dst [head_dim_v * n_head, n_tokens].
void write_row(const Op & op, int32_t token, int32_t head, const Partial & row) {
    float sum   = row.sum;
    float scale = 1.0f;
    if (op.sinks) {
        const float m = std::max(row.max, op.sinks[head]);
        scale = std::exp(row.max - m);
        sum   = sum * scale + std::exp(op.sinks[head] - m);
    }
    const int32_t dv  = op.dv();
    const float   inv = scale / sum;
    float *       out = (float *) ((char *) op.dst->data + token * op.dst->nb[1]) + (int64_t) head * dv;
    for (int32_t c = 0; c < dv; ++c) {
        out[c] = row.acc[c] * inv;
    }
}

// A task whose rows have all their partitions in it: folds as it goes.
void end_part_of_whole(const Op & op, const AttentionTask & t, bool is_first, Workspace & ws) {
    for (int32_t r = 0; r < t.n_rows && !is_first; ++r) {
        Partial total = { ws.total.data() + (size_t) r * op.dv(), ws.total_max[r], ws.total_sum[r] };
        fold(total, t.acc + (size_t) r * op.dv(), t.row_max[r], t.row_sum[r], op.dv());
        ws.total_max[r] = total.max;
        ws.total_sum[r] = total.sum;
    }
}

void keep_partials(const Op & op, const Ticket & ticket, int32_t part, float * buffer, const Workspace & ws) {
    const int32_t dv = op.dv();
    for_each_row(op, ticket, [&](int32_t row, const AttentionTile & tile, int32_t token, int32_t head) {
        float * to = op.partial(buffer, tile, token, part, head);
        std::copy_n(ws.acc.data() + (size_t) row * dv, dv, to);
        to[dv]     = ws.max[row];
        to[dv + 1] = ws.sum[row];
    });
}

// Partitions of the ticket that its window leaves out.
void keep_nothing(const Op & op, const Ticket & ticket, int32_t part_end, float * buffer) {
    for_each_row(op, ticket, [&](int32_t, const AttentionTile & tile, int32_t token, int32_t head) {
        for (int32_t part = ticket.work->part_begin; part < part_end; ++part) {
            op.partial(buffer, tile, token, part, head)[op.dv() + 1] = 0.0f;
        }
    });
}

void fold_tile(const Op & op, const AttentionTile & tile, float * buffer, Workspace & ws) {
    const int32_t dv = op.dv();
    for (int32_t token = 0; token < tile.n_tokens; ++token) {
        for (int32_t head = 0; head < op.n_head(); ++head) {
            ws.total.assign(dv, 0.0f);
            Partial total = { ws.total.data(), -std::numeric_limits<float>::infinity(), 0.0f };
            for (int32_t part = 0; part < tile.n_parts; ++part) {
                const float * p = op.partial(buffer, tile, token, part, head);
                fold(total, p, p[dv], p[dv + 1], dv);
            }
            write_row(op, tile.token0 + token, head, total);
        }
    }
}

void end_task(const Op & op, const Ticket & ticket, float * buffer, Workspace & ws) {
    if (op.is_whole(*ticket.work)) {
        for_each_row(op, ticket, [&](int32_t row, const AttentionTile & tile, int32_t token, int32_t head) {
            write_row(op, tile.token0 + token, head,
                      { ws.total.data() + (size_t) row * op.dv(), ws.total_max[row], ws.total_sum[row] });
        });
        return;
    }
    for (int32_t i = 0; i < ticket.work->n_members; ++i) {
        const int32_t index = op.plan.members[ticket.work->first_member + i];
        const AttentionTile & tile = op.plan.tiles[index];
        if (op.plan.n_done[index].fetch_add(1) + 1 == tile.n_tasks * op.n_head_kv()) {
            op.plan.n_done[index].store(0);
            fold_tile(op, tile, buffer, ws);
        }
    }
}

// `following` is the ticket that the thread takes next, or null.
void run_ticket(const Op & op, const Ticket & ticket, const Ticket * following, float * buffer, Workspace & ws) {
    const AttentionKernel kernel = attention_kernel_for(op.dk(), op.dv());
    const int32_t n_rows   = gather_rows(op, ticket, ws);
    const int32_t begin    = first_part(op, ticket);
    const bool    is_whole = op.is_whole(*ticket.work);
    if (!is_whole) {
        keep_nothing(op, ticket, std::min(begin, ticket.work->part_end), buffer);
    }
    for (int32_t part = begin; part < ticket.work->part_end; ++part) {
        const bool into_total = is_whole && part == begin;
        AttentionTask t = locate(op, ticket, part);
        t.q             = ws.q.data();
        t.row_positions = ws.positions.data();
        t.n_rows        = n_rows;
        t.scratch       = ws.scratch.data();
        t.acc           = into_total ? ws.total.data() : ws.acc.data();
        t.row_max       = into_total ? ws.total_max.data() : ws.max.data();
        t.row_sum       = into_total ? ws.total_sum.data() : ws.sum.data();
        AttentionTask next;
        if (part + 1 < ticket.work->part_end) {
            next = locate(op, ticket, part + 1);
            t.next = &next;
        } else if (following) {
            next = locate(op, *following, first_part(op, *following));
            t.next = next.begin < next.end ? &next : nullptr;
        }
        kernel(t);
        if (is_whole) {
            end_part_of_whole(op, t, into_total, ws);
        } else {
            keep_partials(op, ticket, part, buffer, ws);
        }
    }
    end_task(op, ticket, buffer, ws);
}

} // namespace

void paged_attention_op(ggml_tensor * dst, int ith, int nth, void * user_data) {
    (void) ith;
    const auto & layer = *static_cast<const llama_placement_layer *>(user_data);
    // what the model was given is the plan, see ForwardPass
    auto & plan = const_cast<AttentionPlan &>(static_cast<const AttentionPlan &>(*layer.placement));
    const ggml_tensor * sinks = dst->src[3];
    const Op op = { plan, layer, dst, dst->src[0], dst->src[1], dst->src[2], sinks ? (const float *) sinks->data : nullptr };

    static thread_local Workspace ws;
    float * buffer = plan.partials(op.n_head() * op.partial_size());
    const int64_t n_tickets = op.num_tickets();
    const int64_t n_taken   = std::max<int64_t>(1, n_tickets / (TAKES_PER_THREAD * nth));
    for (int64_t i = plan.next_ticket.fetch_add(n_taken); i < n_tickets; i = plan.next_ticket.fetch_add(n_taken)) {
        const int64_t end = std::min(n_tickets, i + n_taken);
        for (int64_t k = i; k < end; ++k) {
            const Ticket following = op.ticket(std::min(k + 1, end - 1));
            run_ticket(op, op.ticket(k), k + 1 < end ? &following : nullptr, buffer, ws);
        }
    }
    if (plan.n_left.fetch_add(1) + 1 == nth) {
        plan.n_left.store(0);
        plan.next_ticket.store(0);
    }
}

} // namespace pagoda
