// The kernel for many rows: rows are in lanes, so no sum crosses lanes, and K keeps its layout:
//
//      scores[token][row]  = sum over pairs of dims    of  k[token][pair]  * q[pair][row]
//      acc[column][row]   += sum over pairs of tokens  of  v[pair][column] * weight[pair][row]
//
// A call's K and V are packed once. Then strips of up to 48 rows go through all spans, one strip at a time. At head
// size 64, a strip's q, scores, weights and sums take 36 KiB, and a span's K and V take 16 KiB.
#pragma once

#include "attention/bf16-pack.h"

namespace pagoda::avx512bf16 {
namespace {

constexpr int STRIP_VECTORS = STRIP_ROWS / LANES;

// Rows of a tile: tokens in the first product, columns in the second. Past a call's last token, V is zero and scores
// are masked.
constexpr int STRIP_TILE = 8;

// Number of cache rows to prefetch ahead of the row being packed, since blocks can be anywhere in memory.
constexpr int ROWS_AHEAD = 8;

// A call's packed K and V, and space for a strip's operands.
struct StripRoom {
    __m512i *  q;   // [head_dim_k / 2][vectors of the strip]
    __m512 *   acc; // [head_dim_v][vectors of the strip]
    uint16_t * k;   // [tokens][head_dim_k]
    uint32_t * v;   // [tokens / 2][head_dim_v]

    explicit StripRoom(const KernelCall & call) {
        q   = aligned_scratch(call);
        acc = (__m512 *) (q + call.head_dim_k / 2 * STRIP_VECTORS);
        k   = (uint16_t *) (acc + call.head_dim_v * STRIP_VECTORS);
        v   = (uint32_t *) (k + PARTITION_TOKENS * call.head_dim_k);
    }
};

template <KvType T>
inline void pack_span(const KernelCall & call, const Span & span, uint16_t * k, uint32_t * v) {
    const int64_t dk = call.head_dim_k, dv = call.head_dim_v;
    const int     n = span.n, end = (n + STRIP_TILE - 1) / STRIP_TILE * STRIP_TILE;
    for (int j = 0; j < n; ++j) {
        prefetch_rows({ nullptr, span.k, n }, j + ROWS_AHEAD, j + ROWS_AHEAD + 1, kv_bytes(T, call.head_dim_k));
        pack_along<T>(span.k[j], call.head_dim_k, k + j * dk);
    }
    for (int j = 0; j < n; j += 2) {
        prefetch_rows({ nullptr, span.v, n }, j + ROWS_AHEAD, j + ROWS_AHEAD + 2, kv_bytes(T, call.head_dim_v));
        pack_between<T>(span.v[j], j + 1 < n ? span.v[j + 1] : nullptr, call.head_dim_v, (__m512i *) (v + j / 2 * dv));
    }
    std::fill(v + (n + 1) / 2 * dv, v + end / 2 * dv, 0);
}

template <KvType T>
inline void pack_tokens(const KernelCall & call, const StripRoom & room) {
    Span span;
    for (int32_t base = call.begin; base < call.end; base += SPAN_TOKENS) {
        span.locate(call, base);
        const int64_t token = base - call.begin;
        pack_span<T>(call, span, room.k + token * call.head_dim_k, room.v + token / 2 * call.head_dim_v);
    }
}

// Rows [row, row + n) of a call. Row i is in lane i % 16 of vector i / 16.
template <int R>
struct Strip {
    Strip(const KernelCall & call, const StripRoom & room, int row, int n) : call(call), room(room), row(row), n(n) {}

    const KernelCall &    call;
    const StripRoom &     room;
    const int             row;
    const int             n;
    __m512                max[R], sum[R], scale[R];
    __m512i               first[R], last[R]; // first and last positions that a row sees
    int32_t               min_first = INT32_MAX, max_first = 0, min_last = INT32_MAX, max_last = 0;
    __m512                scores[SPAN_TOKENS * R];      // [tokens][R]
    __m512i               weights[SPAN_TOKENS / 2 * R]; // [tokens / 2][R]

    int in_vector(int r) const { return std::clamp(n - r * LANES, 0, LANES); }

    void begin() {
        alignas(64) int32_t firsts[R * LANES] = {}, lasts[R * LANES] = {};
        const char * rows[R * LANES];
        for (int i = 0; i < R * LANES; ++i) { // the last row is repeated to fill whole vectors
            rows[i] = (const char *) (call.q + (int64_t) (row + std::min(i, n - 1)) * call.head_dim_k);
        }
        for (int i = 0; i < n; ++i) {
            lasts[i]  = call.row_positions[row + i];
            firsts[i] = window_start(call.n_swa, call.swa_type, lasts[i]);
            min_first = std::min(min_first, firsts[i]);
            max_first = std::max(max_first, firsts[i]);
            min_last  = std::min(min_last, lasts[i]);
            max_last  = std::max(max_last, lasts[i]);
        }
        for (int r = 0; r < R; ++r) {
            max[r]   = _mm512_set1_ps(NEGATIVE_INFINITY);
            sum[r]   = _mm512_setzero_ps();
            first[r] = _mm512_load_si512(firsts + r * LANES);
            last[r]  = _mm512_load_si512(lasts + r * LANES);
            pack_across<KvType::f32>(rows + r * LANES, call.head_dim_k, room.q + r, R, [] {});
        }
        std::fill(room.acc, room.acc + call.head_dim_v * R, _mm512_setzero_ps());
    }

    void mask_scores(int32_t base, int n_tokens) {
        for (int j = 0; j < n_tokens; ++j) {
            const __m512i pos = _mm512_set1_epi32(base + j);
            for (int r = 0; r < R; ++r) {
                const __mmask16 is_seen = _mm512_cmple_epi32_mask(first[r], pos) & _mm512_cmple_epi32_mask(pos, last[r]);
                scores[j * R + r] = _mm512_mask_mov_ps(_mm512_set1_ps(NEGATIVE_INFINITY), is_seen, scores[j * R + r]);
            }
        }
    }

    // Sets the factor by which sums of earlier spans must be multiplied. Sets `from` to the base of the weights:
    // the maximum, or any finite number if a row has not seen a token yet.
    void raise_max(int n_tokens, __m512 (&from)[R]) {
        const __m512 nothing = _mm512_set1_ps(NEGATIVE_INFINITY);
        std::copy(max, max + R, from);
        for (int j = 0; j < n_tokens; ++j) {
            for (int r = 0; r < R; ++r) {
                from[r] = _mm512_max_ps(from[r], scores[j * R + r]);
            }
        }
        for (int r = 0; r < R; ++r) {
            const __m512 old = max[r];
            max[r]   = from[r];
            from[r]  = _mm512_mask_mov_ps(from[r], _mm512_cmpeq_ps_mask(from[r], nothing), _mm512_setzero_ps());
            scale[r] = weight_of(old, from[r]);
        }
    }

    void weigh(int n_tokens) {
        const __m512i ones = _mm512_set1_epi32(0x3f803f80);
        __m512 from[R], total[R];
        raise_max(n_tokens, from);
        for (int r = 0; r < R; ++r) {
            total[r] = _mm512_mul_ps(sum[r], scale[r]);
        }
        for (int p = 0; p < n_tokens / 2; ++p) {
            for (int r = 0; r < R; ++r) {
                const __m512 * s = scores + 2 * p * R + r;
                weights[p * R + r] = pairs_of(weight_of(s[0], from[r]), weight_of(s[R], from[r]));
                total[r] = _mm512_dpbf16_ps(total[r], (__m512bh) weights[p * R + r], (__m512bh) ones);
            }
        }
        std::copy(total, total + R, sum);
    }

    void add_span(int32_t base) {
        const int64_t dk = call.head_dim_k, dv = call.head_dim_v, token = base - call.begin;
        const int     n_seen   = std::min(std::min(call.end, max_last + 1) - base, SPAN_TOKENS);
        const int     n_tokens = (n_seen + STRIP_TILE - 1) / STRIP_TILE * STRIP_TILE;
        multiply<STRIP_TILE, R>({ room.k + token * dk, 2 * dk, 4, n_tokens }, { room.q, R }, dk / 2, nullptr, { scores, R });
        if (call.softcap > 0.0f) {
            soften<Avx512>(call.softcap, n_tokens * R * LANES, (float *) scores);
        }
        if (base < max_first || base + n_tokens - 1 > min_last) {
            mask_scores(base, n_tokens);
        }
        weigh(n_tokens);
        multiply<STRIP_TILE, R>({ room.v + token / 2 * dv, 4, 4 * dv, (int) dv }, { weights, R }, n_tokens / 2, scale, { room.acc, R });
    }

    void end() {
        for (int r = 0; r < R; ++r) {
            const int       at    = row + r * LANES;
            const __mmask16 lanes = (__mmask16) ((1u << in_vector(r)) - 1);
            _mm512_mask_storeu_ps(call.row_max + at, lanes, max[r]);
            _mm512_mask_storeu_ps(call.row_sum + at, lanes, sum[r]);
            unpack_across(room.acc + r, R, in_vector(r), call.head_dim_v, call.acc + (int64_t) at * call.head_dim_v);
        }
    }
};

template <int R>
void attend_strip(const KernelCall & call, const StripRoom & room, int row, int n) {
    Strip<R> strip(call, room, row, n);
    strip.begin();
    for (int32_t base = call.begin; base < call.end && base <= strip.max_last; base += SPAN_TOKENS) {
        if (base + SPAN_TOKENS > strip.min_first) {
            strip.add_span(base);
        }
    }
    strip.end();
}

template <KvType T>
void attend_in_strips(const KernelCall & call) {
    const StripRoom room(call);
    pack_tokens<T>(call, room);
    // Makes the strips as equal as whole vectors allow, since a tile of one vector has too few sums to hide their
    // latency.
    int n_vectors = (call.n_rows + LANES - 1) / LANES;
    for (int row = 0; row < call.n_rows;) {
        const int n_strips = (n_vectors + STRIP_VECTORS - 1) / STRIP_VECTORS;
        const int vectors  = (n_vectors + n_strips - 1) / n_strips;
        const int n        = std::min(vectors * LANES, call.n_rows - row);
        switch (vectors) {
            case 3:  attend_strip<3>(call, room, row, n); break;
            case 2:  attend_strip<2>(call, room, row, n); break;
            default: attend_strip<1>(call, room, row, n); break;
        }
        row += n;
        n_vectors -= vectors;
    }
}

} // namespace
} // namespace pagoda::avx512bf16
