// Times matrix products with packed weights read from memory. Each product uses a different copy of the matrix, just as a model's layers
// use different weights. Activations are already quantized; each thread computes its share of the panels.

#include "matmul/gemm.h"
#include "matmul/packed-weights.h"
#include "rounds.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

using namespace pagoda;

namespace pagoda_bench {

namespace {

const ggml_type TYPES[] = { GGML_TYPE_Q4_0, GGML_TYPE_Q4_1, GGML_TYPE_Q5_0, GGML_TYPE_Q5_1,
                            GGML_TYPE_Q8_0, GGML_TYPE_Q4_K, GGML_TYPE_Q5_K, GGML_TYPE_Q6_K };

struct Shape {
    int64_t cols, rows;
};

// Matrices from SmolLM2-135M and from a 1B model; the last is an output head, with few rows per step.
const Shape   SHAPES[]       = { { 576, 576 }, { 576, 1536 }, { 1536, 576 }, { 2048, 2048 }, { 2048, 8192 }, { 576, 49152 } };
const int64_t BATCHES[]      = { 1, 2, 4, 8, 16, 64, 512 };
const int64_t MAX_HEAD_BATCH = 64;
const int64_t HEAD_ROWS      = 32768;

// Number of activation rows that stay in the cache while panels are read. The addon splits rows the same way.
constexpr int64_t PIECE_ROWS = 96;
// Approximate number of bytes read per round, which is enough to make the cost of the round's barrier negligible.
constexpr size_t ROUND_BYTES = 4u << 20;

std::vector<float> gaussian(int64_t n) {
    std::mt19937 rng(7);
    std::normal_distribution<float> normal(0.0f, 1.0f);
    std::vector<float> x(n);
    std::generate(x.begin(), x.end(), [&] { return normal(rng); });
    return x;
}

// Contiguous copies of a matrix. All panels are identical, because kernel times do not depend on the values.
struct Matrices {
    Matrices(ggml_type type, Shape shape, Arena & arena)
        : type(type), shape(shape), panel_bytes(packed_bytes(type, shape.cols, PANEL_ROWS)), n_panels(shape.rows / PANEL_ROWS),
          bytes(panel_bytes * n_panels), count(arena.size / bytes), data(arena.data) {
        const std::vector<float> src = gaussian(shape.cols * PANEL_ROWS);
        std::vector<uint8_t> raw(ggml_row_size(type, shape.cols) * PANEL_ROWS);
        ggml_quantize_chunk(type, src.data(), raw.data(), 0, PANEL_ROWS, shape.cols, nullptr);
        pack_weights(type, shape.cols, PANEL_ROWS, raw.data(), data, 1);
        for (size_t at = panel_bytes; at < count * bytes; at += panel_bytes) {
            std::memcpy(data + at, data, panel_bytes);
        }
    }

    const uint8_t * panel(int64_t matrix, int64_t i) const { return data + matrix * bytes + i * panel_bytes; }

    ggml_type type;
    Shape     shape;
    size_t    panel_bytes;
    int64_t   n_panels;
    size_t    bytes;
    int64_t   count;
    uint8_t * data;
};

struct Batch {
    Batch(const GemmKernels & set, int64_t cols, int64_t n)
        : n(n), n_blocks(cols / BLOCK_COLS), row_blocks(padded_row_blocks(n_blocks)), codes(n * row_blocks * BLOCK_COLS),
          scales(n * row_blocks) {
        const std::vector<float> x = gaussian(n * cols);
        for (int64_t i = 0; i < n; ++i) {
            set.quantize(x.data() + i * cols, n_blocks, codes.data() + i * row_blocks * BLOCK_COLS, scales.data() + i * row_blocks);
        }
    }

    Activations view() const { return { codes.data(), scales.data(), n_blocks, row_blocks }; }

    int64_t                       n, n_blocks, row_blocks;
    std::vector<int8_t>           codes;
    std::vector<ActivationScales> scales;
};

double seconds_a_product(Crew & crew, double budget_s, const GemmKernels & set, const Matrices & w, int64_t n_rows) {
    const Batch       batch(set, w.shape.cols, n_rows);
    const Activations x       = batch.view();
    const PanelKernel kernel  = set.panel(w.type);
    const int64_t     n_whole = std::max<int64_t>(1, ROUND_BYTES / w.bytes / std::max<int64_t>(1, n_rows / 8));
    const int64_t     n_each  = std::min(n_whole, w.count);
    const int64_t     ranges  = (n_rows + PIECE_ROWS - 1) / PIECE_ROWS;
    std::vector<float> out(n_rows * w.shape.rows);
    const auto multiply = [&](int64_t matrix, int thread) {
        for (int64_t r = 0; r < ranges; ++r) {
            const int64_t begin = n_rows * r / ranges, end = n_rows * (r + 1) / ranges;
            for (int64_t p = w.n_panels * thread / crew.n_threads; p < w.n_panels * (thread + 1) / crew.n_threads; ++p) {
                float * to = out.data() + begin * w.shape.rows + p * PANEL_ROWS;
                kernel(w.panel(matrix, p), PANEL_ROWS, x, begin, end, to, w.shape.rows);
            }
        }
    };
    const double seconds = seconds_a_round(crew, budget_s, [&](int thread, int64_t round) {
        for (int64_t i = 0; i < n_each; ++i) {
            multiply((round * n_each + i) % w.count, thread);
        }
    });
    return seconds / n_each;
}

void print_product(const Matrices & w, int64_t n_rows, double seconds, const char * kind) {
    std::printf("{\"kind\":\"%s\",\"type\":\"%s\",\"cols\":%d,\"rows\":%d,\"batch\":%d,\"seconds\":%.4e,\"bytes\":%.0f,\"ops\":%.0f}\n",
                kind, ggml_type_name(w.type), (int) w.shape.cols, (int) w.shape.rows, (int) n_rows, seconds, (double) w.bytes,
                2.0 * n_rows * w.shape.cols * w.shape.rows);
    std::fflush(stdout);
}

// Every batch size up to 64, for one matrix per type; a size that takes longer than a larger one is a "tooth".
void bench_teeth(Crew & crew, double budget_s, const GemmKernels & set, ggml_type type, Arena & arena) {
    const Matrices w(type, { 1536, 576 }, arena);
    for (int64_t n = 1; n <= 64; ++n) {
        print_product(w, n, seconds_a_product(crew, budget_s, set, w, n), "tooth");
    }
}

} // namespace

void bench_products(Crew & crew, double budget_s) {
    const GemmKernels * set = gemm_kernels();
    if (!set) {
        return;
    }
    Arena arena(ARENA_BYTES);
    for (const ggml_type type : TYPES) {
        for (const Shape shape : SHAPES) {
            if (shape.cols % ggml_blck_size(type) != 0) {
                continue;
            }
            const Matrices w(type, shape, arena);
            for (const int64_t n : BATCHES) {
                if (n <= MAX_HEAD_BATCH || shape.rows < HEAD_ROWS) {
                    print_product(w, n, seconds_a_product(crew, budget_s, *set, w, n), "product");
                }
            }
        }
        bench_teeth(crew, budget_s, *set, type, arena);
    }
}

} // namespace pagoda_bench
