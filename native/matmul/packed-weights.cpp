// Packs weights: splits each type's blocks into codes and scales and writes both to their places in the panel. Runs
// once, at load.

#include "matmul/packed-weights.h"

#include "matmul/weight-blocks.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <thread>
#include <vector>

namespace pagoda {

namespace {

// Writes the code of row r, column c, to the codes of its block, which must be zero initially.
template <class F>
void put_code(uint8_t * codes, int r, int c, uint8_t code) {
    const int group = c / 4;
    const int at    = r * 4 + c % 4;
    if constexpr (F::BITS == 8) {
        codes[group * 64 + at] = code;
        return;
    }
    codes[group % 4 * 64 + at] |= (uint8_t) ((code & 0x0F) << (group / 4 * 4));
    if constexpr (F::BITS == 5) {
        codes[4 * 64 + at] |= (uint8_t) (code >> 4 << group);
    }
    if constexpr (F::BITS == 6) {
        codes[(4 + group / 4) * 64 + at] |= (uint8_t) (code >> 4 << (group % 4 * 2));
    }
}

template <class F>
void put_scales(uint8_t * panel, int64_t b, int r, const WeightBlock & block) {
    uint8_t * own = panel + F::scale_offset(b);
    if constexpr (F::IS_SUPER) {
        float * super = (float *) (panel + F::super_offset(b));
        super[r] = block.super_scale;
        for (int s = 0; s < F::SUBS; ++s) {
            own[s * PANEL_ROWS + r] = (uint8_t) block.factors[s];
        }
        if constexpr (F::IS_MIN) {
            super[PANEL_ROWS + r]           = block.super_min;
            own[F::SUBS * PANEL_ROWS + r] = block.min_factor;
        }
    } else {
        ((ggml_fp16_t *) own)[r] = block.scale;
        if constexpr (F::IS_MIN) {
            ((ggml_fp16_t *) own)[PANEL_ROWS + r] = block.min;
        }
    }
}

template <class F>
void pack_panel(BlockReader read, const uint8_t * src, int64_t row_size, int n_rows, int64_t n_blocks, uint8_t * panel) {
    std::memset(panel, 0, F::panel_bytes(n_blocks));
    for (int64_t b = 0; b < n_blocks; ++b) {
        uint8_t * codes = panel + F::scales_bytes(n_blocks) + b * F::CODE_BYTES;
        for (int r = 0; r < n_rows; ++r) {
            WeightBlock block;
            read(src + r * row_size, b, block);
            put_scales<F>(panel, b, r, block);
            for (int c = 0; c < BLOCK_COLS; ++c) {
                put_code<F>(codes, r, c, block.codes[c]);
            }
        }
    }
}

struct Packing {
    ggml_type   type;
    BlockReader read;
    int64_t (*panel_bytes)(int64_t n_blocks);
    void (*pack_panel)(BlockReader, const uint8_t *, int64_t, int, int64_t, uint8_t *);
};

template <class F>
constexpr Packing packing(ggml_type type, BlockReader read) {
    return { type, read, F::panel_bytes, pack_panel<F> };
}

const Packing PACKINGS[] = {
    packing<FormatQ4_0>(GGML_TYPE_Q4_0, read_q4_0), packing<FormatQ4_1>(GGML_TYPE_Q4_1, read_q4_1),
    packing<FormatQ5_0>(GGML_TYPE_Q5_0, read_q5_0), packing<FormatQ5_1>(GGML_TYPE_Q5_1, read_q5_1),
    packing<FormatQ8_0>(GGML_TYPE_Q8_0, read_q8_0), packing<FormatQ4_K>(GGML_TYPE_Q4_K, read_q4_k),
    packing<FormatQ5_K>(GGML_TYPE_Q5_K, read_q5_k), packing<FormatQ6_K>(GGML_TYPE_Q6_K, read_q6_k),
};

const Packing * find_packing(ggml_type type) {
    const Packing * end   = std::end(PACKINGS);
    const Packing * found = std::find_if(std::begin(PACKINGS), end, [&](const Packing & p) { return p.type == type; });
    return found == end ? nullptr : found;
}

int64_t panels_of(int64_t n_rows) { return (n_rows + PANEL_ROWS - 1) / PANEL_ROWS; }

// Calls pack(begin, end) for ranges of panels, each on its own thread.
template <class Pack>
void on_threads(int64_t n_panels, int n_threads, const Pack & pack) {
    std::vector<std::thread> threads;
    for (int t = 1; t < n_threads; ++t) {
        threads.emplace_back(pack, n_panels * t / n_threads, n_panels * (t + 1) / n_threads);
    }
    pack((int64_t) 0, n_panels / std::max(1, n_threads));
    for (std::thread & thread : threads) {
        thread.join();
    }
}

// codes: 8 vectors, one per group
void pack_high_bits(const uint8_t * codes, uint8_t * plane) {
    for (int i = 0; i < 4 * 64; ++i) {
        plane[i] = (uint8_t) ((codes[i] >> 3 & 0x0F) | (codes[4 * 64 + i] >> 3 & 0x0F) << 4);
    }
    for (int i = 0; i < 64; ++i) {
        uint8_t fifth = 0;
        for (int group = 0; group < 8; ++group) {
            fifth |= (uint8_t) (codes[group * 64 + i] >> 7 << group);
        }
        plane[4 * 64 + i] = fifth;
    }
}

size_t high_bits_bytes(int64_t n_cols, int64_t n_rows) { return panels_of(n_rows) * (n_cols / BLOCK_COLS) * HighBits::CODE_BYTES; }

// Checks the scales of a FormatQ8_0 panel.
bool has_finite_scales(const uint8_t * panel, int64_t n_blocks) {
    const auto * scales = (const ggml_fp16_t *) panel;
    return std::all_of(scales, scales + n_blocks * PANEL_ROWS, [](ggml_fp16_t scale) { return std::isfinite(ggml_fp16_to_fp32(scale)); });
}

} // namespace

size_t packed_bytes(ggml_type type, int64_t n_cols, int64_t n_rows) {
    const Packing * p = find_packing(type);
    return p ? panels_of(n_rows) * p->panel_bytes(n_cols / BLOCK_COLS) : 0;
}

void pack_weights(ggml_type type, int64_t n_cols, int64_t n_rows, const void * src, uint8_t * dst, int n_threads) {
    const Packing & p        = *find_packing(type);
    const int64_t   n_blocks = n_cols / BLOCK_COLS;
    const int64_t   row_size = (int64_t) ggml_row_size(type, n_cols);
    const int64_t   n_panels = panels_of(n_rows);
    on_threads(n_panels, n_threads, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int rows = (int) std::min<int64_t>(PANEL_ROWS, n_rows - i * PANEL_ROWS);
            p.pack_panel(p.read, (const uint8_t *) src + i * PANEL_ROWS * row_size, row_size, rows, n_blocks,
                         dst + i * p.panel_bytes(n_blocks));
        }
    });
}

size_t high_plane_bytes(ggml_type type, int64_t n_cols, int64_t n_rows) {
    return type == GGML_TYPE_Q8_0 ? high_bits_bytes(n_cols, n_rows) + 1 : 0;
}

bool is_finite_plane(int64_t n_cols, int64_t n_rows, const uint8_t * plane) { return plane[high_bits_bytes(n_cols, n_rows)] == 1; }

void pack_high_plane(int64_t n_cols, int64_t n_rows, const uint8_t * packed, uint8_t * plane, int n_threads) {
    const int64_t n_blocks    = n_cols / BLOCK_COLS;
    const int64_t panel_bytes = FormatQ8_0::panel_bytes(n_blocks);
    std::atomic<bool> is_finite{ true };
    on_threads(panels_of(n_rows), n_threads, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const uint8_t * codes = packed + i * panel_bytes + FormatQ8_0::scales_bytes(n_blocks);
            if (!has_finite_scales(packed + i * panel_bytes, n_blocks)) {
                is_finite = false;
            }
            for (int64_t b = 0; b < n_blocks; ++b) {
                pack_high_bits(codes + b * FormatQ8_0::CODE_BYTES, plane + (i * n_blocks + b) * HighBits::CODE_BYTES);
            }
        }
    });
    plane[high_bits_bytes(n_cols, n_rows)] = is_finite ? 1 : 0;
}

} // namespace pagoda
