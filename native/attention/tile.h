// The two products of attention, register-blocked, over a vector type. Every (row, token) score and every (row,
// column) sum is one chain of operations in a fixed order, for any tile size, so a row's result does not depend on
// the number of rows that share its tile.
//
// Simd is a vector type of simd/ that also defines ROWS, the number of query rows that share one load of K or V, and
// COLUMNS, the number of vectors of an output row that are kept in registers.
#pragma once

#include "attention/kernel-call.h"

#include <algorithm>

namespace pagoda {
namespace {

constexpr int TOKEN_TILE = 4; // tokens that share one load of q; also the number of vectors that store_sums() sums

constexpr int Q8_BLOCK       = 32; // ggml's block_q8_0: an f16 scale, then 32 int8
constexpr int Q8_BLOCK_BYTES = 34;

template <class Simd, KvType T>
inline typename Simd::V load_kv(const char * row, int column) {
    if constexpr (T == KvType::f32) {
        return Simd::load(reinterpret_cast<const float *>(row) + column);
    } else if constexpr (T == KvType::f16) {
        return Simd::load_f16(reinterpret_cast<const uint16_t *>(row) + column);
    } else if constexpr (T == KvType::bf16) {
        return Simd::load_bf16(reinterpret_cast<const uint16_t *>(row) + column);
    } else {
        const char * block = row + column / Q8_BLOCK * Q8_BLOCK_BYTES;
        const auto * codes = reinterpret_cast<const int8_t *>(block) + sizeof(uint16_t);
        return Simd::mul(Simd::load_i8(codes + column % Q8_BLOCK), Simd::set1(Simd::f16(reinterpret_cast<const uint16_t *>(block))));
    }
}

constexpr int kv_bytes(KvType type, int dim) {
    switch (type) {
        case KvType::f32:  return dim * 4;
        case KvType::q8_0: return dim / Q8_BLOCK * Q8_BLOCK_BYTES;
        default:           return dim * 2;
    }
}

// Rows of K or V of one span, and rows to fetch while they are read. FETCH is set only for the first query rows of
// a span: even if the fetch were skipped at run time, it would make the other rows 10% slower.
struct Rows {
    const char * const * at;    // [SPAN_TOKENS]: n tokens, then the last one repeated
    const char * const * ahead; // [n_ahead]
    int                  n_ahead;
};

// Prefetches rows.ahead[begin, end).
inline void prefetch_rows(const Rows & rows, int begin, int end, int bytes) {
    for (int j = begin; j < std::min(end, rows.n_ahead); ++j) {
        for (int b = 0; b < bytes; b += 64) {
            __builtin_prefetch(rows.ahead[j] + b, 0, 3);
        }
    }
}

// scores[r][j] = q[r] . k[j]. A tile is R rows x 4 tokens and takes 4 R registers for sums, R for q and 1 for K: 21
// of 32 registers at R = 4, 16 of 16 at R = 3.
template <class Simd, KvType T, bool FETCH, int R>
inline void score_rows(const float * q, int dim, Rows k, int n, float * scores) {
    for (int j = 0; j < n; j += TOKEN_TILE) {
        typename Simd::V sum[R][TOKEN_TILE];
        for (int r = 0; r < R; ++r) {
            for (int i = 0; i < TOKEN_TILE; ++i) {
                sum[r][i] = Simd::zero();
            }
        }
        for (int c = 0; c < dim; c += Simd::LANES) {
            typename Simd::V qv[R];
            for (int r = 0; r < R; ++r) {
                qv[r] = Simd::load(q + r * dim + c);
            }
            for (int i = 0; i < TOKEN_TILE; ++i) {
                const auto kv = load_kv<Simd, T>(k.at[j + i], c);
                for (int r = 0; r < R; ++r) {
                    sum[r][i] = Simd::fma(qv[r], kv, sum[r][i]);
                }
            }
        }
        for (int r = 0; r < R; ++r) {
            Simd::store_sums(scores + r * SPAN_TOKENS + j, sum[r]);
        }
        if constexpr (FETCH) {
            prefetch_rows(k, j, j + TOKEN_TILE, kv_bytes(T, dim));
        }
    }
    if constexpr (FETCH) {
        prefetch_rows(k, n, SPAN_TOKENS, kv_bytes(T, dim));
    }
}

// acc[r][c, c + N * LANES) += sum over j of p[r][j] * v[j][c...], where p is 0 from n to the end of the tile. Takes
// R x N registers for sums, N for V and 1 for p.
template <class Simd, KvType T, bool FETCH, int R, int N>
inline void add_columns(const float * p, int dim, Rows v, int n, float * acc, int c) {
    typename Simd::V sum[R][N];
    for (int r = 0; r < R; ++r) {
        for (int i = 0; i < N; ++i) {
            sum[r][i] = Simd::load(acc + r * dim + c + i * Simd::LANES);
        }
    }
    for (int j0 = 0; j0 < n; j0 += TOKEN_TILE) {
        for (int j = j0; j < j0 + TOKEN_TILE; ++j) {
            typename Simd::V vv[N];
            for (int i = 0; i < N; ++i) {
                vv[i] = load_kv<Simd, T>(v.at[j], c + i * Simd::LANES);
            }
            for (int r = 0; r < R; ++r) {
                const auto pj = Simd::set1(p[r * SPAN_TOKENS + j]);
                for (int i = 0; i < N; ++i) {
                    sum[r][i] = Simd::fma(pj, vv[i], sum[r][i]);
                }
            }
        }
        if constexpr (FETCH) {
            prefetch_rows(v, j0, j0 + TOKEN_TILE, kv_bytes(T, dim));
        }
    }
    if constexpr (FETCH) {
        prefetch_rows(v, n, SPAN_TOKENS, kv_bytes(T, dim));
    }
    for (int r = 0; r < R; ++r) {
        for (int i = 0; i < N; ++i) {
            Simd::store(acc + r * dim + c + i * Simd::LANES, sum[r][i]);
        }
    }
}

template <class Simd, KvType T, bool FETCH, int R>
inline void add_values(const float * p, int dim, Rows v, int n, float * acc) {
    int c = 0;
    for (; c + Simd::COLUMNS * Simd::LANES <= dim; c += Simd::COLUMNS * Simd::LANES) {
        add_columns<Simd, T, FETCH, R, Simd::COLUMNS>(p, dim, v, n, acc, c);
        v.n_ahead = 0; // fetches rows only once
    }
    for (; c < dim; c += Simd::LANES) {
        add_columns<Simd, T, FETCH, R, 1>(p, dim, v, n, acc, c);
        v.n_ahead = 0;
    }
}

} // namespace
} // namespace pagoda
