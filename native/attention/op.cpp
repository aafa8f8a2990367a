// The custom op: threads take tickets until none are left. A ticket is one task of the plan for one K/V head. If
// one task has all partitions of its rows, it also folds them. Otherwise, the thread that finishes the tile's last
// task folds them.

#include "attention/op.h"

#include "attention/select.h"

#include <algorithm>

namespace pagoda {

namespace {

// Number of times that each thread takes tickets: few enough that the next ticket's K is fetched in time, and
// enough that a thread that loses its core delays only an eighth of its share.
constexpr int64_t TAKES_PER_THREAD = 8;

// First position that any row of the ticket sees.
int32_t first_seen(const Op & op, const Ticket & ticket) {
    int32_t first = INT32_MAX;
    for (int32_t i = 0; i < ticket.task->n_members; ++i) {
        const int32_t pos = op.plan.positions[op.member(*ticket.task, i).token0];
        first = std::min(first, window_start(op.layer.n_swa, op.layer.swa_type, pos));
    }
    return first;
}

int32_t first_part(const Op & op, const Ticket & ticket) {
    return std::max(ticket.task->part_begin, first_seen(op, ticket) / PARTITION_TOKENS);
}

KvType kv_type_of(const ggml_tensor * k) {
    switch (k->type) {
        case GGML_TYPE_F16:  return KvType::f16;
        case GGML_TYPE_BF16: return KvType::bf16;
        case GGML_TYPE_F32:  return KvType::f32;
        default:             return KvType::q8_0;
    }
}

// Returns a call with the location of a partition's K and V, but no rows or results.
KernelCall locate(const Op & op, const Ticket & ticket, int32_t part) {
    const AttentionTile & tile = op.member(*ticket.task, 0);
    KernelCall call = {};
    call.k          = (const char *) op.k->data + ticket.kv_head * op.k->nb[1];
    call.v          = (const char *) op.v->data + ticket.kv_head * op.v->nb[1];
    call.k_stride   = (int64_t) op.k->nb[2];
    call.v_stride   = (int64_t) op.v->nb[2];
    call.kv_type    = kv_type_of(op.k);
    call.head_dim_k = op.dk();
    call.head_dim_v = op.dv();
    call.block_ids  = op.plan.blocks_of(tile);
    call.block_size = op.plan.block_size;
    call.n_swa      = op.layer.n_swa;
    call.swa_type   = op.layer.swa_type;
    call.softcap    = op.layer.logit_softcap;
    call.begin      = std::max(part * PARTITION_TOKENS, first_seen(op, ticket) / SPAN_TOKENS * SPAN_TOKENS);
    call.end        = std::min((part + 1) * PARTITION_TOKENS, op.plan.last_position(tile) + 1);
    return call;
}

// Scales the queries, lays them out as rows and makes room for the results. Returns the number of rows.
int32_t gather_rows(const Op & op, const Ticket & ticket, Workspace & ws) {
    const int32_t dk = op.dk(), dv = op.dv();
    int32_t n_rows = 0;
    for (int32_t i = 0; i < ticket.task->n_members; ++i) {
        n_rows += op.member(*ticket.task, i).n_tokens * op.group();
    }
    ws.q.resize((size_t) n_rows * dk);
    ws.positions.resize(n_rows);
    for (auto * sums : { &ws.total, &ws.acc }) {
        sums->resize((size_t) n_rows * dv);
    }
    for (auto * stats : { &ws.max, &ws.sum, &ws.total_max, &ws.total_sum }) {
        stats->resize(n_rows);
    }
    ws.scratch.resize(scratch_floats(dk, dv));
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

void end_task(const Op & op, const Ticket & ticket, float * buffer, Workspace & ws) {
    if (op.is_whole(*ticket.task)) {
        write_rows(op, ticket, ws);
        return;
    }
    for (int32_t i = 0; i < ticket.task->n_members; ++i) {
        const int32_t index = op.plan.members[ticket.task->first_member + i];
        const AttentionTile & tile = op.plan.tiles[index];
        if (op.plan.n_done[index].fetch_add(1) + 1 == tile.n_tasks * op.n_head_kv()) {
            op.plan.n_done[index].store(0);
            fold_tile(op, tile, buffer, ws);
        }
    }
}

// following: the ticket that the thread runs next, or null.
void run_ticket(const Op & op, const Ticket & ticket, const Ticket * following, float * buffer, Workspace & ws) {
    const AttentionKernel kernel = attention_kernel_for(op.dk(), op.dv());
    const int32_t n_rows   = gather_rows(op, ticket, ws);
    const int32_t begin    = first_part(op, ticket);
    const bool    is_whole = op.is_whole(*ticket.task);
    if (!is_whole) {
        keep_nothing(op, ticket, std::min(begin, ticket.task->part_end), buffer);
    }
    for (int32_t part = begin; part < ticket.task->part_end; ++part) {
        const bool into_total = is_whole && part == begin;
        KernelCall call = locate(op, ticket, part);
        call.q             = ws.q.data();
        call.row_positions = ws.positions.data();
        call.n_rows        = n_rows;
        call.scratch       = ws.scratch.data();
        call.acc           = into_total ? ws.total.data() : ws.acc.data();
        call.row_max       = into_total ? ws.total_max.data() : ws.max.data();
        call.row_sum       = into_total ? ws.total_sum.data() : ws.sum.data();
        KernelCall next;
        if (part + 1 < ticket.task->part_end) {
            next = locate(op, ticket, part + 1);
            call.next = &next;
        } else if (following) {
            next = locate(op, *following, first_part(op, *following));
            call.next = next.begin < next.end ? &next : nullptr;
        }
        GGML_ASSERT(call.begin % SPAN_TOKENS == 0 && call.end <= (part + 1) * PARTITION_TOKENS);
        kernel(call);
        if (is_whole) {
            end_part_of_whole(op, call, into_total, ws);
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
    // the placement passed to llama.cpp is the plan, see ForwardPass
    auto & plan = const_cast<AttentionPlan &>(static_cast<const AttentionPlan &>(*layer.placement));
    const ggml_tensor * sinks = dst->src[3];
    const Op op = { plan, layer, dst, dst->src[0], dst->src[1], dst->src[2], sinks ? (const float *) sinks->data : nullptr };

    static thread_local Workspace ws;
    float * buffer = plan.partials(op.n_head() * op.partial_size());
    const int64_t n_tickets = op.num_tickets();
    const int64_t n_taken   = std::max<int64_t>(1, n_tickets / (TAKES_PER_THREAD * nth));
    const auto    take      = [&] { return plan.next_ticket.fetch_add(n_taken); };
    for (int64_t begin = take(); begin < n_tickets;) {
        const int64_t end = std::min(n_tickets, begin + n_taken);
        // While tickets are plentiful, takes the next ones early, so that their first K arrives in time.
        const bool    is_plenty = n_tickets - end >= 2 * nth * n_taken;
        const int64_t then      = is_plenty ? take() : n_tickets;
        for (int64_t i = begin; i < end; ++i) {
            const int64_t next      = i + 1 < end ? i + 1 : then;
            const Ticket  following = op.ticket(std::min(next, n_tickets - 1));
            run_ticket(op, op.ticket(i), next < n_tickets ? &following : nullptr, buffer, ws);
        }
        begin = is_plenty ? then : take();
    }
    if (plan.n_left.fetch_add(1) + 1 == nth) {
        plan.n_left.store(0);
        plan.next_ticket.store(0);
    }
}

} // namespace pagoda
