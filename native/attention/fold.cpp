// Turns partial softmaxes into rows of the result: folds them in partition order, regardless of which thread computed
// them, then applies sinks and normalizes.

#include "attention/op.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace pagoda {

namespace {

// A row's softmax over some of its tokens, with [head_dim_v] unnormalized sums in `acc`.
struct Partial {
    float * acc;
    float   max;
    float   sum;
};

// Folds the next partition's partial into the row's total. Folding into an empty total is a copy.
void fold(Partial & total, const float * acc, float max, float sum, int32_t n) {
    if (sum == 0.0f) {
        return; // the row sees none of the partition's tokens
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

// Adds the sink's share of the softmax, normalizes, and writes to dst [head_dim_v * n_head, n_tokens].
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

} // namespace

void end_part_of_whole(const Op & op, const KernelCall & call, bool is_first, Workspace & ws) {
    for (int32_t r = 0; r < call.n_rows && !is_first; ++r) {
        Partial total = { ws.total.data() + (size_t) r * op.dv(), ws.total_max[r], ws.total_sum[r] };
        fold(total, call.acc + (size_t) r * op.dv(), call.row_max[r], call.row_sum[r], op.dv());
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

void keep_nothing(const Op & op, const Ticket & ticket, int32_t part_end, float * buffer) {
    for_each_row(op, ticket, [&](int32_t, const AttentionTile & tile, int32_t token, int32_t head) {
        for (int32_t part = ticket.task->part_begin; part < part_end; ++part) {
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

void write_rows(const Op & op, const Ticket & ticket, Workspace & ws) {
    for_each_row(op, ticket, [&](int32_t row, const AttentionTile & tile, int32_t token, int32_t head) {
        float * acc = ws.total.data() + (size_t) row * op.dv();
        write_row(op, tile.token0 + token, head, { acc, ws.total_max[row], ws.total_sum[row] });
    });
}

} // namespace pagoda
