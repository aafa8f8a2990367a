// The extra buffer type (ggml's repack.cpp is the model of one) and the matrix product over it:
//
//   1. the rows of activations are quantised, unless the product before has done so;
//   2. threads take pieces of work, a few panels times a range of rows each.
//
// Other threads may be at neighbouring products (patch 0008): there is a barrier only around rows that all
// threads quantise together.

#include "packed-buffer.h"

#include "activation-store.h"
#include "gemm.h"
#include "packed-weights.h"

#include "ggml-backend-impl.h"
#include "ggml-cpu.h"
#include "ggml-cpu/traits.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

namespace pagoda {

namespace {

// Rows of activations that a piece of work covers: they stay in the cache while panels pass by.
constexpr int64_t PIECE_ROWS = 96;
// Pieces a thread should find, so that all end at nearly the same time.
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
    // In blocks, not rows: a single row is shared too.
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

// The product cut into pieces: some panels by a range of rows.
struct Pieces {
    int64_t n_ranges;
    int64_t n_panels; // of a piece
    int64_t n_across; // pieces of a range

    // A piece has a multiple of `unit` panels, but for the last.
    Pieces(const Product & p, int nth, int64_t unit) {
        n_ranges = (p.n_rows + PIECE_ROWS - 1) / PIECE_ROWS;
        n_panels = std::max<int64_t>(1, p.n_panels * n_ranges / (nth * PIECES_PER_THREAD));
        n_panels = (n_panels + unit - 1) / unit * unit;
        n_across = (p.n_panels + n_panels - 1) / n_panels;
    }

    int64_t count() const { return n_ranges * n_across; }
};

// `scan` is told of what is written, if there is one.
void multiply_piece(const Product & p, const Pieces & pieces, const Activations & x, int64_t i, HeadScan * scan) {
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
    for (int64_t row = begin; scan && row < end; ++row) {
        scan->scan(p.dst, row, first * PANEL_ROWS, std::min(last * PANEL_ROWS, p.dst->ne[0]));
    }
}

// Of a pool that is not ours (none of a step's), or with more rows than a step has: in the op's work buffer, by
// ggml's counter, so that no thread may be at another node.
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
        ggml_barrier(params->threadpool); // others may still read what the rows are written over
    }
    quantize(kernels, p, rows.codes, rows.scales, params->ith, params->nth);
    ggml_barrier(params->threadpool);
}

void compute_with_store(const GemmKernels & kernels, const Product & p, const ggml_compute_params * params, ActivationStore & store) {
    const ActivationStore::Rows rows = store.rows_of(p.src, p.n_rows, p.row_blocks, params->ith);
    if (!rows.is_held && rows.is_own) {
        quantize(kernels, p, rows.codes, rows.scales, 0, 1);
    } else if (!rows.is_held) {
        quantize_together(kernels, p, rows, params);
    }
    HeadScan * scan = store.head_scan && store.head_scan->wants(p.dst) ? store.head_scan : nullptr;
    const Pieces pieces(p, params->nth, scan ? ROW_BLOCK / PANEL_ROWS : 1);
    const Activations x = { rows.codes, rows.scales, p.n_blocks, p.row_blocks };
    const auto take = [&] { return store.take_piece(params->n_unsynced, params->ith, params->nth, pieces.count()); };
    for (int64_t i = take(); i >= 0; i = take()) {
        multiply_piece(p, pieces, x, i, scan);
    }
    store.finish(params->n_unsynced, params->nth);
}

struct PackedTraits : ggml::cpu::tensor_traits {
    bool shares_only_tensors(const ggml_tensor *) override { return true; }

    bool work_size(int, const ggml_tensor * op, size_t & size) override {
        size = ggml_nrows(op->src[1]) * quantized_row_bytes(padded_row_blocks(op->src[0]->ne[0] / BLOCK_COLS));
        return true;
    }

    bool compute_forward(ggml_compute_params * params, ggml_tensor * op) override {
        const GemmKernels & kernels = *gemm_kernels();
        const Product p(kernels, op);
        ActivationStore * store = ActivationStore::of(params->threadpool);
        if (store && store->fits(p.n_rows, p.row_blocks)) {
            compute_with_store(kernels, p, params, *store);
        } else {
            compute_without_store(kernels, p, params);
        }
        return true;
    }
};

std::atomic<int64_t> widest{ 0 };

std::mutex               unpacked_mutex;
std::vector<std::string> unpacked_types;

void note_unpacked(ggml_type type) {
    std::lock_guard<std::mutex> lock(unpacked_mutex);
    const std::string name = ggml_type_name(type);
    if (std::find(unpacked_types.begin(), unpacked_types.end(), name) == unpacked_types.end()) {
        unpacked_types.push_back(name);
    }
}

bool is_packable(const ggml_tensor * w) {
    return ggml_n_dims(w) == 2 && gemm_kernels()->panel(w->type) && w->ne[0] % BLOCK_COLS == 0 && ggml_is_contiguous(w);
}

ggml_backend_buffer_type_t packed_buffer_type();

struct PackedBuffer : ggml::cpu::extra_buffer_type {
    bool supports_op(ggml_backend_dev_t, const ggml_tensor * op) override {
        const ggml_tensor * w = op->src[0];
        if (op->op != GGML_OP_MUL_MAT || !w->buffer || w->buffer->buft != packed_buffer_type()) {
            return false;
        }
        const ggml_tensor * x = op->src[1];
        const bool is_taken = is_packable(w) && x->type == GGML_TYPE_F32 && x->nb[0] == sizeof(float) &&
                              (!x->buffer || ggml_backend_buft_is_host(x->buffer->buft));
        if (!is_taken && ggml_is_quantized(w->type)) {
            note_unpacked(w->type);
        }
        return is_taken;
    }

    ggml::cpu::tensor_traits * get_tensor_traits(const ggml_tensor * op) override {
        const bool is_ours = op->op == GGML_OP_MUL_MAT && op->src[0]->buffer && op->src[0]->buffer->buft == packed_buffer_type();
        return is_ours ? &traits : nullptr;
    }

    PackedTraits traits;
};

void set_tensor(ggml_backend_buffer_t, ggml_tensor * tensor, const void * data, size_t offset, size_t size) {
    GGML_ASSERT(offset == 0 && size == ggml_nbytes(tensor));
    const int64_t n_blocks = tensor->ne[0] / BLOCK_COLS;
    for (int64_t known = widest; known < n_blocks && !widest.compare_exchange_weak(known, n_blocks);) {
    }
    constexpr size_t WORTH_A_THREAD = 256 << 10;
    const size_t cores = std::max(1u, std::thread::hardware_concurrency());
    const int n_threads = (int) std::clamp<size_t>(size / WORTH_A_THREAD, 1, cores);
    pack_weights(tensor->type, tensor->ne[0], tensor->ne[1], data, (uint8_t *) tensor->data, n_threads);
}

ggml_backend_buffer_t alloc_buffer(ggml_backend_buffer_type_t buft, size_t size) {
    ggml_backend_buffer_t buffer = ggml_backend_buft_alloc_buffer(ggml_backend_cpu_buffer_type(), size);
    if (!buffer) {
        return nullptr;
    }
    buffer->buft             = buft;
    buffer->iface.set_tensor = set_tensor;
    buffer->iface.get_tensor = nullptr;
    buffer->iface.cpy_tensor = nullptr;
    return buffer;
}

ggml_backend_buffer_type_t packed_buffer_type() {
    static ggml_backend_buffer_type type = {
        /* .iface   = */ {
            /* .get_name       = */ [](ggml_backend_buffer_type_t) { return "CPU_PAGODA"; },
            /* .alloc_buffer   = */ alloc_buffer,
            /* .get_alignment  = */ [](ggml_backend_buffer_type_t) -> size_t { return 64; },
            /* .get_max_size   = */ nullptr,
            /* .get_alloc_size = */ [](ggml_backend_buffer_type_t, const ggml_tensor * t) {
                const size_t packed = packed_bytes(t->type, t->ne[0], t->ne[1]);
                return packed > 0 ? packed : ggml_nbytes(t);
            },
            /* .is_host        = */ nullptr,
        },
        /* .device  = */ ggml_backend_reg_dev_get(ggml_backend_cpu_reg(), 0),
        /* .context = */ new PackedBuffer(),
    };
    return &type;
}

} // namespace

bool packs_weights() { return gemm_kernels() != nullptr; }

void register_packed_buffer() {
    if (packs_weights()) {
        ggml_backend_cpu_set_extra_buffer_type(packed_buffer_type());
    }
}

int64_t widest_packed_blocks() { return widest; }

const char * weight_kernel_name() { return gemm_kernels() ? gemm_kernels()->name : "ggml"; }

std::vector<std::string> take_unpacked_types() {
    std::lock_guard<std::mutex> lock(unpacked_mutex);
    return std::exchange(unpacked_types, {});
}

} // namespace pagoda
