// Memory layout of quantized weights for Pagoda's matrix kernels. All types share one layout, so one kernel
// template serves all types and instruction sets.
//
// A panel is 16 rows of a weight matrix; a block is 32 of its columns. The blocks of a panel are contiguous, with
// scales and codes stored separately, so that codes are aligned to 64 bytes:
//
//   panel: [scales of all blocks, padded to 64][codes of block 0][codes of block 1]...
//
// Codes are unsigned and have BITS bits; weight = scale * (code - ZERO), or scale * code + min. A group is 4
// columns: 64 bytes, in which row r has bytes [4r, 4r + 4), as the 4-byte dot-product instructions require. The 8
// groups of a block:
//
//   BITS 4: 4 vectors of 64 bytes; vector j has group j in the low nibbles, group j + 4 in the high nibbles
//        5: like 4, then one vector whose bit g is the fifth bit of group g
//        6: like 4, then two vectors for groups 0..3 and 4..7, two bits each
//        8: 8 vectors, one per group
#pragma once

#include "ggml.h"

#include <cstddef>
#include <cstdint>

namespace pagoda {

constexpr int PANEL_ROWS   = 16;
constexpr int BLOCK_COLS   = 32;
constexpr int SUPER_BLOCKS = 8; // blocks in a K-quant's super-block

// IS_MIN: each scale comes with a min. IS_SUPER: scales are 8-bit factors of two floats per super-block.
// SUBS: number of scales in a block, each for 32 / SUBS columns.
template <int BITS_, int ZERO_, bool IS_MIN_, bool IS_SUPER_, int SUBS_>
struct Format {
    static constexpr int  BITS     = BITS_;
    static constexpr int  ZERO     = ZERO_;
    static constexpr bool IS_MIN   = IS_MIN_;
    static constexpr bool IS_SUPER = IS_SUPER_;
    static constexpr int  SUBS     = SUBS_;

    static constexpr int CODE_BYTES = PANEL_ROWS * BLOCK_COLS * BITS / 8; // per block

    // Scales of a block: f16 [16], then mins f16 [16]; in a super-block, u8 or i8 [SUBS][16], then u8 [16].
    static constexpr int SCALE_BYTES = IS_SUPER ? PANEL_ROWS * (SUBS + IS_MIN) : 2 * PANEL_ROWS * (1 + IS_MIN);
    // Factors at the start of a super-block: f32 [16], then f32 [16] for the mins.
    static constexpr int SUPER_BYTES = IS_SUPER ? 4 * PANEL_ROWS * (1 + IS_MIN) : 0;

    // Size of the scales of n_blocks blocks; K-quants have whole super-blocks.
    static constexpr int64_t scales_bytes(int64_t n_blocks) {
        const int64_t bytes = n_blocks * SCALE_BYTES + (n_blocks / SUPER_BLOCKS) * SUPER_BYTES;
        return (bytes + 63) / 64 * 64;
    }

    static constexpr int64_t panel_bytes(int64_t n_blocks) { return scales_bytes(n_blocks) + n_blocks * CODE_BYTES; }

    // Offset of block b's own scales in the panel.
    static constexpr int64_t scale_offset(int64_t b) {
        return b * SCALE_BYTES + (IS_SUPER ? (b / SUPER_BLOCKS + 1) * SUPER_BYTES : 0);
    }

    // Offset of the floats of block b's super-block.
    static constexpr int64_t super_offset(int64_t b) {
        return (b / SUPER_BLOCKS) * (SUPER_BYTES + SUPER_BLOCKS * SCALE_BYTES);
    }
};

using FormatQ4_0 = Format<4, 8, false, false, 1>;
using FormatQ4_1 = Format<4, 0, true, false, 1>;
using FormatQ5_0 = Format<5, 16, false, false, 1>;
using FormatQ5_1 = Format<5, 0, true, false, 1>;
using FormatQ8_0 = Format<8, 128, false, false, 1>;
using FormatQ4_K = Format<4, 0, true, true, 1>;
using FormatQ5_K = Format<5, 0, true, true, 1>;
using FormatQ6_K = Format<6, 32, false, true, 2>;

// Size of an n_cols x n_rows matrix of `type` in this layout; 0 if the layout does not support the type. n_cols must
// be a multiple of the type's own block.
size_t packed_bytes(ggml_type type, int64_t n_cols, int64_t n_rows);

// Packs rows [0, n_rows) from ggml's layout on `n_threads` threads. Rows that pad the last panel are zero.
void pack_weights(ggml_type type, int64_t n_cols, int64_t n_rows, const void * src, uint8_t * dst, int n_threads);

// The plane that matmul/screen.h reads: a second copy of the five high bits of a packed matrix's 8-bit codes, block
// after block, as 5-bit codes, and then a byte, which is 1 if all of the matrix's scales are finite. Types with fewer bits have no
// plane (0 bytes).
using HighBits = FormatQ5_0; // same layout, different zero point

size_t high_plane_bytes(ggml_type type, int64_t n_cols, int64_t n_rows);
bool   is_finite_plane(int64_t n_cols, int64_t n_rows, const uint8_t * plane);
void   pack_high_plane(int64_t n_cols, int64_t n_rows, const uint8_t * packed, uint8_t * plane, int n_threads);

} // namespace pagoda
