// An op's work consists of each adapter's strips for each tile of its rows. Each thread computes an equal share of
// them, so no shared counter is needed.

#include "adapters/adapter-op.h"

#include "adapters/adapter-table.h"
#include "adapters/strips.h"

#include "ggml.h"

#include <algorithm>
#include <vector>

namespace pagoda {

namespace {

// An adapter's rows that are computed together.
struct Tile {
    const AdapterWeight & weight;
    const int32_t *       rows;
    int32_t               n_rows;
};

int64_t n_tiles(const AdapterRows::Group & group) { return (group.n_rows + MAX_STRIP_ROWS - 1) / MAX_STRIP_ROWS; }

// Calls f(tile, first, end) for a thread's share: strips [first, end) of the n_strips(weight) strips of each tile.
template <class Count, class F>
void for_each_share(const AdapterSite & site, const AdapterRows & rows, int ith, int nth, Count && n_strips, F && f) {
    int64_t total = 0;
    for (const AdapterRows::Group & group : rows.groups) {
        if (const AdapterWeight * weight = site.by_slot[group.slot]) {
            total += n_tiles(group) * n_strips(*weight);
        }
    }
    const int64_t begin = total * ith / nth, end = total * (ith + 1) / nth;
    int64_t at = 0;
    for (const AdapterRows::Group & group : rows.groups) {
        const AdapterWeight * weight = site.by_slot[group.slot];
        for (int64_t i = 0; weight && i < n_tiles(group) && at < end; ++i) {
            const int64_t n     = n_strips(*weight);
            const int64_t first = std::max<int64_t>(begin - at, 0), last = std::min(end - at, n);
            const int64_t row   = i * MAX_STRIP_ROWS;
            if (first < last) {
                f(Tile{ *weight, rows.rows.data() + group.first + row, (int32_t) std::min<int64_t>(MAX_STRIP_ROWS, group.n_rows - row) },
                  (int32_t) first, (int32_t) last);
            }
            at += n;
        }
    }
}

float * row_of(const ggml_tensor * t, int64_t i) {
    if (i < t->ne[1]) {
        return (float *) ((char *) t->data + i * t->nb[1]); // divisions would take as long as a strip
    }
    const int64_t i1 = i % t->ne[1], i2 = i / t->ne[1] % t->ne[2], i3 = i / (t->ne[1] * t->ne[2]);
    return (float *) ((char *) t->data + i1 * t->nb[1] + i2 * t->nb[2] + i3 * t->nb[3]);
}

// Pointers to a tensor's rows in a tile, starting at column `column`.
struct RowPointers {
    float * at[MAX_STRIP_ROWS];

    RowPointers(const Tile & tile, const ggml_tensor * t, int64_t column) {
        for (int32_t i = 0; i < tile.n_rows; ++i) {
            at[i] = row_of(t, tile.rows[i]) + column;
        }
    }
};

// Number of strips in [strip, end) that are in the same group as `strip`.
int32_t n_of_group(const StripShape & shape, int32_t strip, int32_t end) {
    return std::min(end - strip, shape.group(strip) - strip % GROUP_STRIPS);
}

StripCall call_of(const StripShape & shape, const uint16_t * strips, int32_t strip, int32_t n_strips) {
    StripCall call = {};
    call.strips   = strips + shape.place(strip);
    call.step     = shape.group(strip) * STRIP_OUTPUTS;
    call.n_strips = n_strips;
    call.n_inputs = shape.chunk();
    return call;
}

// Computes strips [first, end) of A x, each of which has its own 16 values in the result.
void multiply_a(const Tile & tile, const ggml_tensor * x, ggml_tensor * hidden, int32_t first, int32_t end) {
    const StripShape & shape = tile.weight.a_shape;
    for (int32_t strip = first; strip < end;) {
        const int32_t chunk = strip % shape.n_chunks;
        const int32_t n     = std::min(n_of_group(shape, strip, end), shape.n_chunks - chunk); // of the same panel
        const RowPointers from(tile, x, (int64_t) chunk * shape.chunk()), to(tile, hidden, (int64_t) strip * STRIP_OUTPUTS);
        StripCall call = call_of(shape, tile.weight.a, strip, n);
        call.x      = from.at;
        call.x_step = shape.chunk();
        call.out    = to.at;
        call.n_rows = tile.n_rows;
        strip_kernels().set(call);
        strip += n;
    }
}

void look_up_a(const Tile & tile, const ggml_tensor * tokens, ggml_tensor * hidden) {
    const int64_t width = whole_shape(1, tile.weight.rank()).n_panels() * STRIP_OUTPUTS;
    for (int32_t i = 0; i < tile.n_rows; ++i) {
        const int32_t token = ((const int32_t *) tokens->data)[tile.rows[i]];
        ggml_fp16_to_fp32_row((const ggml_fp16_t *) tile.weight.a + token * width, row_of(hidden, tile.rows[i]), width);
    }
}

void hidden_op(ggml_tensor * dst, int ith, int nth, void * user_data) {
    const auto & site = *static_cast<const AdapterSite *>(user_data);
    const AdapterRows & rows = site.table->rows_of(ggml_nrows(dst));
    const ggml_tensor * x = dst->src[0];
    if (site.is_embedding) {
        for_each_share(site, rows, ith, nth, [](const AdapterWeight &) { return 1; },
                       [&](const Tile & tile, int32_t, int32_t) { look_up_a(tile, x, dst); });
        return;
    }
    for_each_share(site, rows, ith, nth, [](const AdapterWeight & weight) { return weight.a_shape.n_strips(); },
                   [&](const Tile & tile, int32_t first, int32_t end) { multiply_a(tile, x, dst, first, end); });
}

// Adds up the chunks of a tile's A x and scales the sums: [n_rows, rank].
void sum_chunks(const Tile & tile, const ggml_tensor * hidden, std::vector<float> & sums) {
    const int32_t rank     = tile.weight.rank();
    const int32_t n_chunks = tile.weight.a_shape.n_chunks;
    sums.resize((size_t) tile.n_rows * rank);
    for (int32_t row = 0; row < tile.n_rows; ++row) {
        const float * panel = row_of(hidden, tile.rows[row]);
        for (int32_t first = 0; first < rank; first += STRIP_OUTPUTS) {
            float total[STRIP_OUTPUTS] = {};
            for (int32_t chunk = 0; chunk < n_chunks; ++chunk, panel += STRIP_OUTPUTS) {
                for (int i = 0; i < STRIP_OUTPUTS; ++i) {
                    total[i] += panel[i];
                }
            }
            for (int32_t i = 0; i < std::min(STRIP_OUTPUTS, rank - first); ++i) {
                sums[(size_t) row * rank + first + i] = total[i] * tile.weight.scale;
            }
        }
    }
}

// Adds the outputs of the last strip, which has fewer than 16.
void add_last_strip(StripCall call, const RowPointers & to, int32_t n_out) {
    float   products[MAX_STRIP_ROWS][STRIP_OUTPUTS];
    float * out[MAX_STRIP_ROWS];
    for (int row = 0; row < call.n_rows; ++row) {
        out[row] = products[row];
    }
    call.out = out;
    strip_kernels().set(call);
    for (int row = 0; row < call.n_rows; ++row) {
        for (int32_t i = 0; i < n_out; ++i) {
            to.at[row][i] += products[row][i];
        }
    }
}

// Adds strips [first, end) of B times the sums.
void add_b(const Tile & tile, const std::vector<float> & sums, ggml_tensor * dst, int32_t first, int32_t end) {
    const StripShape & shape = tile.weight.b_shape;
    const int32_t n_whole = shape.n_out / STRIP_OUTPUTS;
    const float * x[MAX_STRIP_ROWS];
    for (int32_t row = 0; row < tile.n_rows; ++row) {
        x[row] = sums.data() + (size_t) row * tile.weight.rank();
    }
    for (int32_t strip = first; strip < end;) {
        const bool    is_whole = strip < n_whole;
        const int32_t n = n_of_group(shape, strip, is_whole ? std::min(end, n_whole) : end);
        const RowPointers to(tile, dst, (int64_t) strip * STRIP_OUTPUTS);
        StripCall call = call_of(shape, tile.weight.b, strip, n);
        call.x      = x;
        call.out    = to.at;
        call.n_rows = tile.n_rows;
        if (is_whole) {
            strip_kernels().add(call);
        } else {
            add_last_strip(call, to, shape.n_out % STRIP_OUTPUTS);
        }
        strip += n;
    }
}

void add_op(ggml_tensor * dst, int ith, int nth, void * user_data) {
    const auto & site = *static_cast<const AdapterSite *>(user_data);
    static thread_local std::vector<float> sums;
    for_each_share(site, site.table->rows_of(ggml_nrows(dst)), ith, nth,
                   [](const AdapterWeight & weight) { return weight.b_shape.n_strips(); },
                   [&](const Tile & tile, int32_t first, int32_t end) {
                       sum_chunks(tile, dst->src[1], sums);
                       add_b(tile, sums, dst, first, end);
                   });
}

} // namespace

ggml_tensor * build_adapter_ops(ggml_context * ctx, AdapterSite & site, ggml_tensor * x, ggml_tensor * res) {
    const int64_t width = most_chunked_results(site.table->max_rank());
    ggml_tensor * hidden = ggml_custom_4d(ctx, GGML_TYPE_F32, width, ggml_nrows(res), 1, 1, &x, 1, hidden_op, GGML_N_TASKS_MAX, &site);
    ggml_tensor * sum    = ggml_custom_inplace(ctx, res, &hidden, 1, add_op, GGML_N_TASKS_MAX, &site);
    hidden->flags |= GGML_TENSOR_FLAG_PARTS;
    sum->flags |= GGML_TENSOR_FLAG_PARTS;
    return sum;
}

} // namespace pagoda
