// The attention algorithm, written once over a vector type that each instruction-set file supplies: online
// softmax over spans of tokens (Milakov and Gimelshein 2018; the tiling is FlashAttention's).
//
//      tokens   begin                                                end
//               |---- span 0 ----|---- span 1 ----|---- span 2 ----|-|     64 each, the last can be shorter
//      rows     [0, 4) [4, 8) ... all rows over one span, then over the next, so K and V are read once
#pragma once

#include "attention/tile.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace pagoda {
namespace {

constexpr float NEGATIVE_INFINITY = -std::numeric_limits<float>::infinity();

template <class Simd>
inline void soften(float cap, int n, float * scores) {
    // cap * tanh(s / cap), with tanh x = 1 - 2 / (e^2x + 1)
    const auto scale = Simd::set1(2.0f / cap), one = Simd::set1(1.0f), two = Simd::set1(2.0f);
    for (int j = 0; j < n; j += Simd::LANES) {
        const auto e = Simd::exp(Simd::mul(Simd::load(scores + j), scale));
        const auto t = Simd::sub(one, Simd::div(two, Simd::add(e, one)));
        Simd::store(scores + j, Simd::mul(Simd::set1(cap), t));
    }
}

template <class Simd>
inline void rescale_row(const KernelCall & call, int row, float new_max) {
    const float scale = std::exp(call.row_max[row] - new_max);
    const auto  s = Simd::set1(scale);
    float *     acc = call.acc + (int64_t) row * call.head_dim_v;
    for (int c = 0; c < call.head_dim_v; c += Simd::LANES) {
        Simd::store(acc + c, Simd::mul(Simd::load(acc + c), s));
    }
    call.row_sum[row] *= scale;
    call.row_max[row] = new_max;
}

// Turns one row's scores for positions [base, base + n) into weights; rescales the row's earlier sums.
template <class Simd>
inline void softmax_row(const KernelCall & call, int row, int32_t base, int n, float * scores) {
    const int32_t pos   = call.row_positions[row];
    const int     first = std::clamp(window_start(call.n_swa, call.swa_type, pos) - base, 0, n);
    const int     end   = std::clamp(pos + 1 - base, 0, n);
    const int step   = std::max(Simd::LANES, TOKEN_TILE);
    const int padded = (n + step - 1) / step * step;
    if (first >= end) {
        std::fill(scores, scores + padded, 0.0f);
        return;
    }
    if (call.softcap > 0.0f) {
        std::fill(scores + n, scores + padded, 0.0f);
        soften<Simd>(call.softcap, padded, scores);
    }
    std::fill(scores, scores + first, NEGATIVE_INFINITY);
    std::fill(scores + end, scores + padded, NEGATIVE_INFINITY);

    auto max = Simd::set1(call.row_max[row]);
    for (int j = 0; j < padded; j += Simd::LANES) {
        max = Simd::max(max, Simd::load(scores + j));
    }
    const float new_max = Simd::highest(max);
    if (new_max > call.row_max[row]) {
        rescale_row<Simd>(call, row, new_max);
    }
    const auto m = Simd::set1(new_max);
    auto sum = Simd::zero();
    for (int j = 0; j < padded; j += Simd::LANES) {
        const auto e = Simd::exp(Simd::sub(Simd::load(scores + j), m));
        Simd::store(scores + j, e);
        sum = Simd::add(sum, e);
    }
    call.row_sum[row] += Simd::sum(sum);
}

template <class Simd, KvType T, bool FETCH, int R>
inline void span_rows(const KernelCall & call, int row, Rows k, Rows v, int32_t base, int n) {
    alignas(64) float scores[R * SPAN_TOKENS];
    score_rows<Simd, T, FETCH, R>(call.q + (int64_t) row * call.head_dim_k, call.head_dim_k, k, n, scores);
    for (int r = 0; r < R; ++r) {
        softmax_row<Simd>(call, row + r, base, n, scores + r * SPAN_TOKENS);
    }
    add_values<Simd, T, FETCH, R>(scores, call.head_dim_v, v, n, call.acc + (int64_t) row * call.head_dim_v);
}

// Processes up to Simd::ROWS rows, starting at `row`.
template <class Simd, KvType T, bool FETCH>
inline void span_some_rows(const KernelCall & call, int row, Rows k, Rows v, int32_t base, int n) {
    switch (std::min(Simd::ROWS, call.n_rows - row)) {
        case 4:  span_rows<Simd, T, FETCH, Simd::ROWS>(call, row, k, v, base, n); break;
        case 3:  span_rows<Simd, T, FETCH, 3>(call, row, k, v, base, n); break;
        case 2:  span_rows<Simd, T, FETCH, 2>(call, row, k, v, base, n); break;
        default: span_rows<Simd, T, FETCH, 1>(call, row, k, v, base, n); break;
    }
}

// Addresses of the tokens of one span, padded to whole tiles with the last token.
struct Span {
    const char * k[SPAN_TOKENS];
    const char * v[SPAN_TOKENS];
    int          n;

    void locate(const KernelCall & call, int32_t base) {
        n = std::min(SPAN_TOKENS, call.end - base);
        int32_t block = base / call.block_size, offset = base % call.block_size;
        for (int j = 0; j < n; ++block, offset = 0) {
            const int64_t slot = (int64_t) call.block_ids[block] * call.block_size + offset;
            const char *  k_row = call.k + slot * call.k_stride;
            const char *  v_row = call.v + slot * call.v_stride;
            for (const int end = std::min(n, j + call.block_size - offset); j < end; ++j) {
                k[j] = k_row;
                v[j] = v_row;
                k_row += call.k_stride;
                v_row += call.v_stride;
            }
        }
        std::fill(k + n, k + SPAN_TOKENS, k[n - 1]);
        std::fill(v + n, v + SPAN_TOKENS, v[n - 1]);
    }
};

// Converts rows to f32 in `out`, once for many query rows.
template <class Simd, KvType T>
inline void widen(Rows rows, int n, int dim, float * out, const char ** out_rows) {
    for (int j = 0; j < SPAN_TOKENS; ++j) {
        out_rows[j] = (const char *) (out + (int64_t) std::min(j, n - 1) * dim);
    }
    for (int j = 0; j < n; ++j) {
        for (int c = 0; c < dim; c += Simd::LANES) {
            Simd::store(out + (int64_t) j * dim + c, load_kv<Simd, T>(rows.at[j], c));
        }
        prefetch_rows(rows, j, j + 1, kv_bytes(T, dim));
    }
    prefetch_rows(rows, n, SPAN_TOKENS, kv_bytes(T, dim));
}

template <class Simd, KvType T>
inline void span_of(const KernelCall & call, const Span & span, const Span * ahead, int32_t base) {
    // Fetches V while K is read and the next K while V is read. Fetching half a span ahead covers the memory
    // latency several times over; a whole span ahead (32 KiB with this one at head size 64) would not fit in the L1
    // cache.
    const Rows k = { span.k, span.v, span.n };
    const Rows v = { span.v, ahead ? ahead->k : nullptr, ahead ? ahead->n : 0 };
    if (call.n_rows <= Simd::ROWS) {
        span_some_rows<Simd, T, true>(call, 0, k, v, base, span.n);
        return;
    }
    const char * wide_k[SPAN_TOKENS];
    const char * wide_v[SPAN_TOKENS];
    widen<Simd, T>(k, span.n, call.head_dim_k, call.scratch, wide_k);
    widen<Simd, T>(v, span.n, call.head_dim_v, call.scratch + SPAN_TOKENS * call.head_dim_k, wide_v);
    for (int row = 0; row < call.n_rows; row += Simd::ROWS) {
        span_some_rows<Simd, KvType::f32, false>(call, row, { wide_k, nullptr, 0 }, { wide_v, nullptr, 0 }, base, span.n);
    }
}

// Calls f(span, span to fetch in the meantime or null, position of the first token) for all spans of a call.
template <class F>
inline void for_each_span(const KernelCall & call, F && f) {
    Span spans[2]; // the current span and the next
    Span * now = &spans[0];
    Span * ahead = &spans[1];
    now->locate(call, call.begin);
    for (int32_t base = call.begin; base < call.end; base += SPAN_TOKENS) {
        const bool is_last = base + SPAN_TOKENS >= call.end;
        if (!is_last) {
            ahead->locate(call, base + SPAN_TOKENS);
        } else if (call.next) {
            ahead->locate(*call.next, call.next->begin);
        }
        f(*now, is_last && !call.next ? nullptr : ahead, base);
        std::swap(now, ahead);
    }
}

template <class Simd, KvType T>
inline void attention_over(const KernelCall & call) {
    for_each_span(call, [&](const Span & span, const Span * ahead, int32_t base) { span_of<Simd, T>(call, span, ahead, base); });
}

template <class Simd>
inline void attention(const KernelCall & call) {
    std::fill(call.row_max, call.row_max + call.n_rows, NEGATIVE_INFINITY);
    std::fill(call.row_sum, call.row_sum + call.n_rows, 0.0f);
    std::fill(call.acc, call.acc + (int64_t) call.n_rows * call.head_dim_v, 0.0f);
    switch (call.kv_type) {
        case KvType::f16:  attention_over<Simd, KvType::f16>(call); break;
        case KvType::bf16: attention_over<Simd, KvType::bf16>(call); break;
        case KvType::f32:  attention_over<Simd, KvType::f32>(call); break;
        case KvType::q8_0: attention_over<Simd, KvType::q8_0>(call); break;
    }
}

} // namespace
} // namespace pagoda
