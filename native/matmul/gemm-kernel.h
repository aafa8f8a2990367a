// The matrix kernel, written once over a vector type that each instruction-set file supplies.
//
// A tile is a panel's 16 rows by T rows of activations. Each lane holds one weight row, so a dot product never
// crosses lanes: for each group of 4 columns, the weights' 64 bytes are multiplied by 4 bytes of each activation
// row, repeated in every lane. Codes are unpacked once per tile. Registers hold T integer sums (twice as many if a
// block has two scales), T float sums, the codes of a group, and the scales.
//
// An activation row's sums are computed in the same order for any T, so a result does not depend on the rest
// of the batch.
//
// Simd is a vector type of simd/, with a lane for each weight row, that also supplies MAX_ROWS (largest T), Sums<BITS>
// (the integer sums of one row: add(codes, four bytes), add(other), flush(), total()) and IS_SIGNED_8 (8-bit codes are
// used as signed numbers, without the zero point).
#pragma once

#include "matmul/gemm.h"
#include "matmul/packed-weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace pagoda {
namespace {

// Group G of a block, one code per byte.
template <class Simd, class F, int G>
inline typename Simd::I group_codes(const uint8_t * codes) {
    if constexpr (F::BITS == 8) {
        return Simd::load_bytes(codes + G * 64);
    } else {
        const auto plane = Simd::load_bytes(codes + G % 4 * 64);
        const auto low   = Simd::template masked<G < 4 ? 0 : -4, 0x0F>(plane);
        if constexpr (F::BITS == 5) {
            return Simd::or_bytes(low, Simd::template masked<4 - G, 0x10>(Simd::load_bytes(codes + 4 * 64)));
        }
        if constexpr (F::BITS == 6) {
            const auto high = Simd::load_bytes(codes + (4 + G / 4) * 64);
            return Simd::or_bytes(low, Simd::template masked<4 - G % 4 * 2, 0x30>(high));
        }
        return low;
    }
}

// Number of sums that a row's groups alternate between. Each addition to a sum waits for the previous one, so a
// tile with few rows needs several sums to keep the dot-product instructions busy. With integers, the order does
// not affect the result.
template <int T>
constexpr int CHAINS = T == 1 ? 4 : T <= 3 ? 2 : 1;

template <class Simd, class F, int T>
using TileSums = typename Simd::template Sums<F::BITS>[F::SUBS * CHAINS<T>][T];

template <class Simd, class F, int T, int G>
inline void add_group(const uint8_t * codes, const int8_t * x, int64_t x_stride, TileSums<Simd, F, T> & sums) {
    constexpr int SUB = F::SUBS == 2 ? G / 4 : 0;
    const auto w = group_codes<Simd, F, G>(codes);
    for (int t = 0; t < T; ++t) {
        sums[SUB * CHAINS<T> + G % CHAINS<T>][t].add(w, x + t * x_stride + G * 4);
    }
}

// Total of a row for scale `sub`, as floats.
template <class Simd, class F, int T>
inline typename Simd::V total(const TileSums<Simd, F, T> & sums, int sub, int t) {
    auto all = sums[sub * CHAINS<T>][t];
    for (int chain = 1; chain < CHAINS<T>; ++chain) {
        all.add(sums[sub * CHAINS<T> + chain][t]);
    }
    return all.total();
}

// Adds groups in pairs that share a vector of nibbles. 16-bit sums of 5- and 6-bit codes have room for two pairs.
template <class Simd, class F, int T>
inline void add_block(const uint8_t * codes, const int8_t * x, int64_t x_stride, TileSums<Simd, F, T> & sums) {
    const auto flush = [&] {
        for (auto & of_rows : sums) {
            for (int t = 0; t < T; ++t) {
                of_rows[t].flush();
            }
        }
    };
    add_group<Simd, F, T, 0>(codes, x, x_stride, sums);
    add_group<Simd, F, T, 4>(codes, x, x_stride, sums);
    add_group<Simd, F, T, 1>(codes, x, x_stride, sums);
    add_group<Simd, F, T, 5>(codes, x, x_stride, sums);
    if constexpr (F::BITS == 5 || F::BITS == 6) {
        flush();
    }
    add_group<Simd, F, T, 2>(codes, x, x_stride, sums);
    add_group<Simd, F, T, 6>(codes, x, x_stride, sums);
    add_group<Simd, F, T, 3>(codes, x, x_stride, sums);
    add_group<Simd, F, T, 7>(codes, x, x_stride, sums);
    flush();
}

// weight = scale[sub] * code + min[sub]
template <class Simd, class F>
struct RowScales {
    typename Simd::V scale[F::SUBS];
    typename Simd::V min[F::SUBS];
};

template <class Simd, class F>
constexpr bool HAS_MIN = F::IS_MIN || !(F::BITS == 8 && Simd::IS_SIGNED_8);

template <class Simd, class F>
inline RowScales<Simd, F> load_scales(const uint8_t * panel, int64_t b, int row) {
    RowScales<Simd, F> s;
    const uint8_t * own = panel + F::scale_offset(b);
    if constexpr (F::IS_SUPER) {
        const float * super = (const float *) (panel + F::super_offset(b)) + row;
        for (int i = 0; i < F::SUBS; ++i) {
            s.scale[i] = Simd::mul(Simd::load(super), Simd::load_i8((const int8_t *) own + i * PANEL_ROWS + row));
        }
        if constexpr (F::IS_MIN) {
            const auto factor = Simd::load_i8((const int8_t *) own + F::SUBS * PANEL_ROWS + row);
            s.min[0] = Simd::mul(Simd::negated(Simd::load(super + PANEL_ROWS)), factor);
        }
    } else {
        s.scale[0] = Simd::load_f16((const uint16_t *) own + row);
        if constexpr (F::IS_MIN) {
            s.min[0] = Simd::load_f16((const uint16_t *) own + PANEL_ROWS + row);
        }
    }
    if constexpr (!F::IS_MIN) {
        for (int i = 0; i < F::SUBS; ++i) {
            s.min[i] = Simd::mul(s.scale[i], Simd::set1((float) -F::ZERO));
        }
    }
    return s;
}

template <class Simd, class F, int T>
inline void add_scaled(const RowScales<Simd, F> & s, TileSums<Simd, F, T> & sums, const ActivationScales * x, int64_t x_stride,
                       typename Simd::V (&out)[T]) {
    for (int t = 0; t < T; ++t) {
        const ActivationScales & a = x[t * x_stride];
        if constexpr (F::SUBS == 1) {
            out[t] = Simd::fma(total<Simd, F, T>(sums, 0, t), Simd::mul(s.scale[0], Simd::set1(a.scale)), out[t]);
            if constexpr (HAS_MIN<Simd, F>) {
                out[t] = Simd::fma(s.min[0], Simd::set1(a.sum), out[t]);
            }
        } else {
            const auto both = Simd::fma(total<Simd, F, T>(sums, 1, t), s.scale[1], Simd::mul(total<Simd, F, T>(sums, 0, t), s.scale[0]));
            out[t] = Simd::fma(both, Simd::set1(a.scale), out[t]);
            out[t] = Simd::fma(s.min[0], Simd::set1(a.halves[0]), out[t]);
            out[t] = Simd::fma(s.min[1], Simd::set1(a.halves[1]), out[t]);
        }
    }
}

// Panels are contiguous and read as one stream. Some hardware prefetchers do not run far enough ahead of the stream
// (one core reads 16 GB/s without this prefetch and 47 GB/s with it). Each block prefetches its share, in lines of
// 64 bytes.
constexpr int64_t FETCH_AHEAD_BYTES = 12288;

template <class F>
inline void fetch_ahead(const uint8_t * panel, int64_t b) {
    constexpr int64_t BYTES = F::CODE_BYTES + F::SCALE_BYTES;
    for (int64_t line = 0; line < BYTES; line += 64) {
        __builtin_prefetch(panel + b * BYTES + FETCH_AHEAD_BYTES + line);
    }
}

// Multiplies rows [row, row + LANES) of the panel by T activation rows from `begin`.
// fetches: true if the panel is not in the cache yet.
template <class Simd, class F, int T>
inline void tile(const uint8_t * panel, int row, const Activations & x, int64_t begin, bool fetches, typename Simd::V (&out)[T]) {
    const uint8_t * codes = panel + F::scales_bytes(x.n_blocks) + row * 4;
    const int64_t   cols  = x.row_blocks * BLOCK_COLS;
    const int8_t *  xc    = x.codes + begin * cols;
    const ActivationScales * xs = x.scales + begin * x.row_blocks;
    for (int t = 0; t < T; ++t) {
        out[t] = Simd::zero();
    }
    for (int64_t b = 0; b < x.n_blocks; ++b) {
        if (fetches) {
            fetch_ahead<F>(panel, b);
        }
        TileSums<Simd, F, T> sums;
        add_block<Simd, F, T>(codes + b * F::CODE_BYTES, xc + b * BLOCK_COLS, cols, sums);
        const auto scales = load_scales<Simd, F>(panel, b, row);
        add_scaled<Simd, F, T>(scales, sums, xs + b, x.row_blocks, out);
    }
}

template <class Simd, class F, int T>
void tile_rows(const uint8_t * panel, int n_rows, const Activations & x, int64_t begin, bool fetches, float * dst, int64_t stride) {
    for (int row = 0; row < n_rows; row += Simd::LANES) {
        typename Simd::V out[T];
        tile<Simd, F, T>(panel, row, x, begin, fetches && row == 0, out);
        for (int t = 0; t < T; ++t) {
            Simd::store_first(dst + t * stride + row, out[t], std::min(n_rows - row, Simd::LANES));
        }
    }
}

using TileKernel = void (*)(const uint8_t *, int, const Activations &, int64_t, bool, float *, int64_t);

template <class Simd, class F, int... T>
TileKernel tile_of_size(int size, std::integer_sequence<int, T...>) {
    static constexpr TileKernel kernels[] = { tile_rows<Simd, F, T + 1>... };
    return kernels[size - 1];
}

// Splits the rows into tiles of nearly equal size, since a remainder of one row would cost as much as half a tile.
template <class Simd, class F>
void panel_rows(const uint8_t * panel, int n_rows, const Activations & x, int64_t begin, int64_t end, float * dst, int64_t stride) {
    const int64_t n       = end - begin;
    const int64_t n_tiles = (n + Simd::MAX_ROWS - 1) / Simd::MAX_ROWS;
    for (int64_t i = 0; i < n_tiles; ++i) {
        const int64_t first = n * i / n_tiles;
        const int     size  = (int) (n * (i + 1) / n_tiles - first);
        const TileKernel kernel = tile_of_size<Simd, F>(size, std::make_integer_sequence<int, Simd::MAX_ROWS>());
        kernel(panel, n_rows, x, begin + first, i == 0, dst + first * stride, stride);
    }
}

template <class Simd>
PanelKernel panel_kernel(ggml_type type) {
    switch (type) {
        case GGML_TYPE_Q4_0: return panel_rows<Simd, FormatQ4_0>;
        case GGML_TYPE_Q4_1: return panel_rows<Simd, FormatQ4_1>;
        case GGML_TYPE_Q5_0: return panel_rows<Simd, FormatQ5_0>;
        case GGML_TYPE_Q5_1: return panel_rows<Simd, FormatQ5_1>;
        case GGML_TYPE_Q8_0: return panel_rows<Simd, FormatQ8_0>;
        case GGML_TYPE_Q4_K: return panel_rows<Simd, FormatQ4_K>;
        case GGML_TYPE_Q5_K: return panel_rows<Simd, FormatQ5_K>;
        case GGML_TYPE_Q6_K: return panel_rows<Simd, FormatQ6_K>;
        default:             return nullptr;
    }
}

// Blocks in which all values are smaller count as zero, since the reciprocal of their scale would not be finite.
constexpr float SMALLEST_BLOCK = 1e-30f;

// A non-finite value makes its block's scale non-finite, and therefore the result, too.
template <class Simd>
void quantize_row(const float * src, int64_t n_blocks, int8_t * codes, ActivationScales * scales) {
    for (int64_t b = 0; b < n_blocks; ++b) {
        const float * x       = src + b * BLOCK_COLS;
        const float   largest = Simd::largest_of_32(x);
        const float   scale   = largest < SMALLEST_BLOCK ? 0.0f : largest / 127.0f;
        int32_t sums[2] = { 0, 0 };
        if (scale == 0.0f || !std::isfinite(scale)) {
            std::memset(codes + b * BLOCK_COLS, 0, BLOCK_COLS);
        } else {
            Simd::quantize_32(x, 127.0f / largest, codes + b * BLOCK_COLS, sums);
        }
        scales[b] = { scale, scale * (sums[0] + sums[1]), { scale * sums[0], scale * sums[1] } };
    }
}

} // namespace
} // namespace pagoda
