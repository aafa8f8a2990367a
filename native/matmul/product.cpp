// Threads take pieces of a product, each a few panels by a range of rows. Other threads can be at neighboring
// products (patch 0008); the only barriers are around rows that all threads quantize together, and within screened
// products.

#include "matmul/product.h"

#include "head/head.h"
#include "matmul/activation-store.h"
#include "matmul/gemm.h"
#include "matmul/packed-weights.h"

#include "ggml-cpu-impl.h"

#include <algorithm>

namespace pagoda {

namespace {

// Rows of activations in a piece; they stay in the cache while panels stream through.
constexpr int64_t PIECE_ROWS = 96;
// Number of pieces per thread that lets all threads finish at nearly the same time.
constexpr int64_t PIECES_PER_THREAD = 6;

int64_t quantized_row_bytes(int64_t row_blocks) {
    return row_blocks * (int64_t) (BLOCK_COLS + sizeof(ActivationScales));
}

struct Product {
    const ggml_tensor * weights;
    const ggml_tensor * src;
    ggml_tensor *       dst;
    int64_t             n_blocks;
    int64_t             row_blocks;
    int64_t             n_rows; // of activations
    int64_t             n_panels;
    int64_t             panel_bytes;
    PanelKernel         kernel;

    Product(const GemmKernels & kernels, ggml_tensor * op)
        : weights(op->src[0]), src(op->src[1]), dst(op), n_blocks(weights->ne[0] / BLOCK_COLS),
          row_blocks(padded_row_blocks(n_blocks)), n_rows(ggml_nrows(src)),
          n_panels((weights->ne[1] + PANEL_ROWS - 1) / PANEL_ROWS),
          panel_bytes((int64_t) packed_bytes(weights->type, weights->ne[0], PANEL_ROWS)), kernel(kernels.panel(weights->type)) {}

    const float * src_row(int64_t i) const {
        const int64_t i1 = i % src->ne[1], i2 = i / src->ne[1] % src->ne[2], i3 = i / (src->ne[1] * src->ne[2]);
        return (const float *) ((const char *) src->data + i1 * src->nb[1] + i2 * src->nb[2] + i3 * src->nb[3]);
    }
};

void quantize(const GemmKernels & kernels, const Product & p, int8_t * codes, ActivationScales * scales, int ith, int nth) {
    // Splits by blocks, not rows, so that threads share even a single row.
    const int64_t total = p.n_rows * p.n_blocks;
    int64_t at = total * ith / nth;
    const int64_t end = total * (ith + 1) / nth;
    while (at < end) {
        const int64_t row   = at / p.n_blocks;
        const int64_t block = at % p.n_blocks;
        const int64_t n     = std::min(p.n_blocks - block, end - at);
        const int64_t to    = row * p.row_blocks + block;
        kernels.quantize(p.src_row(row) + block * BLOCK_COLS, n, codes + to * BLOCK_COLS, scales + to);
        at += n;
    }
}

// A product split into pieces, each some panels by a range of rows.
struct Pieces {
    int64_t n_ranges;
    int64_t n_panels; // in a piece
    int64_t n_across; // pieces in a range

    // Each piece except the last has a multiple of `unit` panels.
    Pieces(const Product & p, int nth, int64_t unit) {
        n_ranges = (p.n_rows + PIECE_ROWS - 1) / PIECE_ROWS;
        n_panels = std::max<int64_t>(1, p.n_panels * n_ranges / (nth * PIECES_PER_THREAD));
        n_panels = (n_panels + unit - 1) / unit * unit;
        n_across = (p.n_panels + n_panels - 1) / n_panels;
    }

    int64_t count() const { return n_ranges * n_across; }
};

// head: notified of the written logits; null if the product is not the head's.
void multiply_piece(const Product & p, const Pieces & pieces, const Activations & x, int64_t i, Head * head) {
    const int64_t stride = (int64_t) (p.dst->nb[1] / sizeof(float));
    const int64_t range  = i / pieces.n_across;
    const int64_t begin  = p.n_rows * range / pieces.n_ranges;
    const int64_t end    = p.n_rows * (range + 1) / pieces.n_ranges;
    const int64_t first  = i % pieces.n_across * pieces.n_panels;
    const int64_t last   = std::min(p.n_panels, first + pieces.n_panels);
    for (int64_t panel = first; panel < last; ++panel) {
        const int64_t row = panel * PANEL_ROWS;
        p.kernel((const uint8_t *) p.weights->data + panel * p.panel_bytes, (int) std::min<int64_t>(PANEL_ROWS, p.weights->ne[1] - row),
               x, begin, end, (float *) p.dst->data + begin * stride + row, stride);
    }
    for (int64_t row = begin; head && row < end; ++row) {
        head->note(p.dst, row, first * PANEL_ROWS, std::min(last * PANEL_ROWS, p.dst->ne[0]));
    }
}

// Computes a product on a thread pool without a store, or with more rows than the store holds. Uses the op's work
// buffer and ggml's counter, so no thread may be at another node.
void compute_without_store(const GemmKernels & kernels, const Product & p, const ggml_compute_params * params) {
    int8_t * codes = (int8_t *) params->wdata;
    auto *   scales = (ActivationScales *) (codes + p.n_rows * p.row_blocks * BLOCK_COLS);
    ggml_barrier(params->threadpool);
    quantize(kernels, p, codes, scales, params->ith, params->nth);
    if (params->ith == 0) {
        ggml_threadpool_chunk_set(params->threadpool, params->nth);
    }
    ggml_barrier(params->threadpool);
    const Pieces pieces(p, params->nth, 1);
    const Activations x = { codes, scales, p.n_blocks, p.row_blocks };
    for (int64_t i = params->ith; i < pieces.count(); i = ggml_threadpool_chunk_add(params->threadpool, 1)) {
        multiply_piece(p, pieces, x, i, nullptr);
    }
    ggml_barrier(params->threadpool);
}

void quantize_together(const GemmKernels & kernels, const Product & p, const ActivationStore::Rows & rows, const ggml_compute_params * params) {
    if (params->n_unsynced > 0) {
        ggml_barrier(params->threadpool); // other threads may still be reading the rows to be overwritten
    }
    quantize(kernels, p, rows.codes, rows.scales, params->ith, params->nth);
    ggml_barrier(params->threadpool);
}

// Follows matmul/screen.h: all threads bound panels, meet at a barrier, and settle panels.
void compute_screened(const Product & p, const ScreenedHead & screened, const ggml_compute_params * params, ActivationStore & store,
                      Head & head) {
    Screen &  screen = store.screen(params->ith);
    const int place  = params->n_unsynced;
    const auto for_each_piece = [&](int64_t n_panels, const auto & compute) {
        const int64_t count = (p.n_panels + n_panels - 1) / n_panels;
        for (int64_t i; (i = store.take_piece(place, params->ith, params->nth, count)) >= 0;) {
            compute(i * n_panels, std::min(p.n_panels, (i + 1) * n_panels));
        }
        store.finish(place, params->nth);
    };
    for_each_piece(Pieces(p, params->nth, 1).n_panels, [&](int64_t first, int64_t last) { screened.bound(screen, first, last); });
    ggml_barrier(params->threadpool);
    const float threshold = screened.largest_of_panel(store.best_panel(params->nth));
    for_each_piece(SETTLED_PANELS, [&](int64_t first, int64_t last) {
        screened.settle(first, last, threshold);
        head.note(p.dst, 0, first * PANEL_ROWS, std::min(last * PANEL_ROWS, p.dst->ne[0]));
    });
}

// Returns a head's plane, or null. Screening could skip a logit that is NaN because of its weights, such as one of a token that a
// grammar does not allow, so heads with such weights are not screened: every request with a NaN fails, in any batch.
const uint8_t * usable_plane(const ggml_tensor * weights) {
    const uint8_t * plane = plane_of(weights);
    return plane && is_finite_plane(weights->ne[0], weights->ne[1], plane) ? plane : nullptr;
}

void compute_with_store(const GemmKernels & kernels, const Product & p, const ggml_compute_params * params, ActivationStore & store) {
    const ActivationStore::Rows rows = store.rows_of(p.src, p.n_rows, p.row_blocks, params->ith);
    if (!rows.is_held && rows.is_own) {
        quantize(kernels, p, rows.codes, rows.scales, 0, 1);
    } else if (!rows.is_held) {
        quantize_together(kernels, p, rows, params);
    }
    Head * head = store.head_of(p.dst);
    const Activations x = { rows.codes, rows.scales, p.n_blocks, p.row_blocks };
    const uint8_t * plane = head && head->need() == HeadNeed::argmax && p.n_rows == 1 ? usable_plane(p.weights) : nullptr;
    if (plane && store.screen(params->ith).prepare(x)) {
        const ScreenedHead screened = { (const uint8_t *) p.weights->data, plane, p.panel_bytes, p.weights->ne[1], p.kernel,
                                        kernels.bound, x, (float *) p.dst->data, head->allowed_tokens() };
        compute_screened(p, screened, params, store, *head);
        return;
    }
    const Pieces pieces(p, params->nth, head ? Head::BLOCK / PANEL_ROWS : 1);
    const auto take = [&] { return store.take_piece(params->n_unsynced, params->ith, params->nth, pieces.count()); };
    for (int64_t i = take(); i >= 0; i = take()) {
        multiply_piece(p, pieces, x, i, head);
    }
    store.finish(params->n_unsynced, params->nth);
}

} // namespace

size_t plane_bytes(const ggml_tensor * weights) {
    return Head::is_weight(weights) ? high_plane_bytes(weights->type, weights->ne[0], weights->ne[1]) : 0;
}

uint8_t * plane_of(const ggml_tensor * weights) {
    return plane_bytes(weights) > 0 ? (uint8_t *) weights->data + packed_bytes(weights->type, weights->ne[0], weights->ne[1]) : nullptr;
}

size_t product_work_bytes(const ggml_tensor * op) {
    return ggml_nrows(op->src[1]) * quantized_row_bytes(padded_row_blocks(op->src[0]->ne[0] / BLOCK_COLS));
}

void multiply_packed(const ggml_compute_params * params, ggml_tensor * op) {
    const GemmKernels & kernels = *gemm_kernels();
    const Product p(kernels, op);
    ActivationStore * store = ActivationStore::of(params->threadpool);
    if (store && store->fits(p.n_rows, p.row_blocks)) {
        compute_with_store(kernels, p, params, *store);
    } else {
        compute_without_store(kernels, p, params);
    }
}

} // namespace pagoda
