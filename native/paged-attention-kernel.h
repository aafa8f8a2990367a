// The attention algorithm, once, over a vector type that each instruction-set file supplies. Online
// softmax over the blocks of a sequence (Milakov and Gimelshein 2018; the tiling is FlashAttention's).
//
// Simd supplies: W lanes, CHUNK vectors kept per row in registers, V, zero(), load(float*), load_f16(),
// store(), set1(), fma(), mul(), max(), exp(), sum of lanes hsum().
#pragma once

#include "paged-attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace pagoda {
namespace {

constexpr int ROW_TILE  = 4;  // query rows that share one load of K or V
constexpr int MAX_BLOCK = 64; // scores of one block are kept on the stack

// First position that a query at `pos` sees, as llama_hparams::is_masked_swa.
inline int32_t window_start(const AttentionTask & t, int32_t pos) {
    if (t.n_swa <= 0) {
        return 0;
    }
    switch (t.swa_type) {
        case 1:  return std::max(0, pos - t.n_swa + 1); // LLAMA_SWA_TYPE_STANDARD
        case 2:  return (pos / t.n_swa) * t.n_swa;      // LLAMA_SWA_TYPE_CHUNKED
        default: return 0;
    }
}

template <class Simd, bool F32>
inline typename Simd::V load_kv(const char * p, int lane) {
    if constexpr (F32) {
        return Simd::load(reinterpret_cast<const float *>(p) + lane);
    } else {
        return Simd::load_f16(reinterpret_cast<const uint16_t *>(p) + lane);
    }
}

// scores[r][j] = q[r] . k[j] for R rows and n tokens of one block
template <class Simd, bool F32, int R>
inline void score_rows(const AttentionTask & t, const float * q, const char * k, int64_t stride, int n, float * scores) {
    const int d = t.head_dim_k;
    for (int j = 0; j < n; ++j) {
        typename Simd::V acc[R];
        for (int r = 0; r < R; ++r) {
            acc[r] = Simd::zero();
        }
        for (int c = 0; c < d; c += Simd::W) {
            const auto kv = load_kv<Simd, F32>(k + j * stride, c);
            for (int r = 0; r < R; ++r) {
                acc[r] = Simd::fma(Simd::load(q + r * d + c), kv, acc[r]);
            }
        }
        for (int r = 0; r < R; ++r) {
            scores[r * MAX_BLOCK + j] = Simd::hsum(acc[r]);
        }
    }
}

// acc[r][c, c + N*W) += sum over j of p[r][j] * v[j][...]
template <class Simd, bool F32, int R, int N>
inline void add_values(const AttentionTask & t, const float * p, const char * v, int64_t stride, int n, float * acc, int c) {
    const int d = t.head_dim_v;
    typename Simd::V sum[R][N];
    for (int r = 0; r < R; ++r) {
        for (int i = 0; i < N; ++i) {
            sum[r][i] = Simd::load(acc + r * d + c + i * Simd::W);
        }
    }
    for (int j = 0; j < n; ++j) {
        typename Simd::V vv[N];
        for (int i = 0; i < N; ++i) {
            vv[i] = load_kv<Simd, F32>(v + j * stride, c + i * Simd::W);
        }
        for (int r = 0; r < R; ++r) {
            const auto pj = Simd::set1(p[r * MAX_BLOCK + j]);
            for (int i = 0; i < N; ++i) {
                sum[r][i] = Simd::fma(pj, vv[i], sum[r][i]);
            }
        }
    }
    for (int r = 0; r < R; ++r) {
        for (int i = 0; i < N; ++i) {
            Simd::store(acc + r * d + c + i * Simd::W, sum[r][i]);
        }
    }
}

template <class Simd, bool F32, int R>
inline void add_values_rows(const AttentionTask & t, const float * p, const char * v, int64_t stride, int n, float * acc) {
    int c = 0;
    for (; c + Simd::CHUNK * Simd::W <= t.head_dim_v; c += Simd::CHUNK * Simd::W) {
        add_values<Simd, F32, R, Simd::CHUNK>(t, p, v, stride, n, acc, c);
    }
    for (; c < t.head_dim_v; c += Simd::W) {
        add_values<Simd, F32, R, 1>(t, p, v, stride, n, acc, c);
    }
}

// Turns scores of tokens [base, base + n) into weights of one row; rescales what the row holds.
template <class Simd>
inline void softmax_row(const AttentionTask & t, int row, int32_t base, int n, float * scores) {
    const int32_t pos = t.row_positions[row];
    const int32_t lo  = window_start(t, pos);
    if (t.softcap > 0.0f) {
        for (int j = 0; j < n; ++j) {
            scores[j] = t.softcap * std::tanh(scores[j] / t.softcap);
        }
    }
    const int first = std::clamp(lo - base, 0, n);
    const int end   = std::clamp(pos + 1 - base, 0, n);
    float block_max = t.row_max[row];
    for (int j = first; j < end; ++j) {
        block_max = std::max(block_max, scores[j]);
    }
    for (int j = 0; j < first; ++j) {
        scores[j] = -INFINITY;
    }
    for (int j = std::max(first, end); j < MAX_BLOCK && j < n + Simd::W; ++j) {
        scores[j] = -INFINITY;
    }
    if (block_max == -INFINITY) { // nothing visible yet: all weights are 0
        std::fill(scores, scores + n, 0.0f);
        return;
    }
    if (block_max > t.row_max[row]) {
        const float scale = std::exp(t.row_max[row] - block_max);
        t.row_sum[row] *= scale;
        const auto s = Simd::set1(scale);
        float * acc = t.acc + (int64_t) row * t.head_dim_v;
        for (int c = 0; c < t.head_dim_v; c += Simd::W) {
            Simd::store(acc + c, Simd::mul(Simd::load(acc + c), s));
        }
        t.row_max[row] = block_max;
    }
    auto sum = Simd::zero();
    const auto m = Simd::set1(block_max);
    for (int j = 0; j < n; j += Simd::W) {
        const auto e = Simd::exp(Simd::sub(Simd::load(scores + j), m));
        Simd::store(scores + j, e);
        sum = Simd::add(sum, e);
    }
    t.row_sum[row] += Simd::hsum(sum);
}

template <class Simd, bool F32, int R>
inline void block_rows(const AttentionTask & t, int row, const char * k, int64_t ks, const char * v, int64_t vs, int32_t base, int n) {
    alignas(64) float scores[R * MAX_BLOCK];
    score_rows<Simd, F32, R>(t, t.q + (int64_t) row * t.head_dim_k, k, ks, n, scores);
    for (int r = 0; r < R; ++r) {
        softmax_row<Simd>(t, row + r, base, n, scores + r * MAX_BLOCK);
    }
    add_values_rows<Simd, F32, R>(t, scores, v, vs, n, t.acc + (int64_t) row * t.head_dim_v);
}

template <class Simd, bool F32>
inline void block_all_rows(const AttentionTask & t, const char * k, int64_t ks, const char * v, int64_t vs, int32_t base, int n) {
    int row = 0;
    for (; row + ROW_TILE <= t.n_rows; row += ROW_TILE) {
        block_rows<Simd, F32, ROW_TILE>(t, row, k, ks, v, vs, base, n);
    }
    switch (t.n_rows - row) {
        case 3: block_rows<Simd, F32, 3>(t, row, k, ks, v, vs, base, n); break;
        case 2: block_rows<Simd, F32, 2>(t, row, k, ks, v, vs, base, n); break;
        case 1: block_rows<Simd, F32, 1>(t, row, k, ks, v, vs, base, n); break;
        default: break;
    }
}

inline void prefetch_block(const char * p, int64_t stride, int n, int bytes) {
    for (int j = 0; j < n; ++j) {
        for (int b = 0; b < bytes; b += 64) {
            __builtin_prefetch(p + j * stride + b, 0, 2);
        }
    }
}

// f16 block as f32, so that many query rows do not convert it again and again
template <class Simd>
inline void widen(const char * src, int64_t stride, int n, int dim, float * dst) {
    for (int j = 0; j < n; ++j) {
        for (int c = 0; c < dim; c += Simd::W) {
            Simd::store(dst + j * dim + c, Simd::load_f16(reinterpret_cast<const uint16_t *>(src + j * stride) + c));
        }
    }
}

template <class Simd>
inline void attention(const AttentionTask & t) {
    int32_t last = 0;
    int32_t lo   = INT32_MAX;
    for (int r = 0; r < t.n_rows; ++r) {
        t.row_max[r] = -INFINITY;
        t.row_sum[r] = 0.0f;
        last = std::max(last, t.row_positions[r]);
        lo   = std::min(lo, window_start(t, t.row_positions[r]));
    }
    std::fill(t.acc, t.acc + (int64_t) t.n_rows * t.head_dim_v, 0.0f);

    const int  elem   = t.is_f32 ? 4 : 2;
    const int  bs     = t.block_size;
    const bool widens = !t.is_f32 && t.n_rows > ROW_TILE;
    float *    kf     = t.scratch;
    float *    vf     = t.scratch + MAX_BLOCK * t.head_dim_k;

    for (int32_t b = lo / bs; b <= last / bs; ++b) {
        const int32_t base = b * bs;
        const int     n    = std::min(bs, last + 1 - base);
        const int64_t slot = (int64_t) t.block_ids[b] * bs;
        const char *  k    = t.k + slot * t.k_stride;
        const char *  v    = t.v + slot * t.v_stride;
        if (b < last / bs) {
            const int64_t next = (int64_t) t.block_ids[b + 1] * bs;
            prefetch_block(t.k + next * t.k_stride, t.k_stride, bs, t.head_dim_k * elem);
            prefetch_block(t.v + next * t.v_stride, t.v_stride, bs, t.head_dim_v * elem);
        }
        if (widens) {
            widen<Simd>(k, t.k_stride, n, t.head_dim_k, kf);
            widen<Simd>(v, t.v_stride, n, t.head_dim_v, vf);
            block_all_rows<Simd, true>(t, (const char *) kf, t.head_dim_k * 4, (const char *) vf, t.head_dim_v * 4, base, n);
        } else if (t.is_f32) {
            block_all_rows<Simd, true>(t, k, t.k_stride, v, t.v_stride, base, n);
        } else {
            block_all_rows<Simd, false>(t, k, t.k_stride, v, t.v_stride, base, n);
        }
    }
}

} // namespace
} // namespace pagoda
