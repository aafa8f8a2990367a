// The kernel for few rows: scores have tokens in lanes and values have columns in lanes, so no lane is idle:
//
//      scores[row][token]  = sum over pairs of dims    of  q[row][pair]      * k[pair][token]
//      acc[row][column]   += sum over pairs of tokens  of  weight[row][pair] * v[pair][column]
//
// An additional column of ones in V yields the sum of the weights. Each span is packed as it arrives from memory: V
// is fetched while K is packed, and the next span's K is fetched while V is packed and multiplied. A core stalls if
// too many cache lines are outstanding, so lines are requested one at a time, spread over that work.
#pragma once

#include "attention/bf16-pack.h"

namespace pagoda::avx512bf16 {
namespace {

// With more rows, strips are faster.
constexpr int FEW_ROWS = 16;

constexpr int ROW_TILE     = 4; // rows that share one load of K or V
constexpr int SPAN_VECTORS = SPAN_TOKENS / LANES;
constexpr int VALUE_TILE   = 5; // vectors of V in registers: head size 64 plus the column of ones

template <int R, class Each>
inline void multiply_few(const PairRows & a, PairVectors b, int n_pairs, const __m512 * scale, SumVectors out, Each && each) {
    const int whole = a.n / ROW_TILE * ROW_TILE;
    for (int i = 0; i < whole; i += ROW_TILE) {
        multiply_rows<ROW_TILE, R>(a, i, b, n_pairs, scale, out, each);
    }
    switch (a.n - whole) {
        case 3: multiply_rows<3, R>(a, whole, b, n_pairs, scale, out, each); break;
        case 2: multiply_rows<2, R>(a, whole, b, n_pairs, scale, out, each); break;
        case 1: multiply_rows<1, R>(a, whole, b, n_pairs, scale, out, each); break;
    }
}

// Multiplies by b's vectors [0, n), n <= VALUE_TILE.
template <class Each>
inline void multiply_few(const PairRows & a, PairVectors b, int n, int n_pairs, const __m512 * scale, SumVectors out, Each && each) {
    switch (n) {
        case 5:  multiply_few<5>(a, b, n_pairs, scale, out, each); break;
        case 4:  multiply_few<4>(a, b, n_pairs, scale, out, each); break;
        case 3:  multiply_few<3>(a, b, n_pairs, scale, out, each); break;
        case 2:  multiply_few<2>(a, b, n_pairs, scale, out, each); break;
        default: multiply_few<1>(a, b, n_pairs, scale, out, each); break;
    }
}

// Number of the next K's cache lines to fetch for each pair of tokens that is packed and multiplied.
constexpr int LINES_A_PAIR = 2;

// Rows of the cache to fetch, line by line.
struct Fetches {
    const char * const * row;
    const char * const * end;
    int                  bytes;
    int                  at = 0;

    Fetches(const char * const * rows, int n, int bytes) : row(rows), end(rows + n), bytes(bytes) {}

    void lines(int n) {
        for (; n > 0 && row < end; --n) {
            __builtin_prefetch(*row + at, 0, 3);
            at += 64;
            if (at >= bytes) {
                at = 0;
                ++row;
            }
        }
    }

    void rest() { lines(1 << 20); }
};

template <KvType T>
struct FewRows {
    const KernelCall &    call;
    const int             n_vectors; // per row of V: its columns and the ones
    __m512i *             k;         // [head_dim_k / 2][SPAN_VECTORS]
    __m512i *             v;         // [SPAN_TOKENS / 2][n_vectors]
    __m512 *              acc;       // [rows][n_vectors], the last one for the sum
    uint16_t *            q;         // [rows][head_dim_k]
    __m512                scores[FEW_ROWS * SPAN_VECTORS];
    __m512i               weights[FEW_ROWS * SPAN_VECTORS / 2]; // [rows][SPAN_TOKENS / 2 pairs]

    explicit FewRows(const KernelCall & call) : call(call), n_vectors(call.head_dim_v / LANES + 1) {
        k   = aligned_scratch(call);
        v   = k + call.head_dim_k / 2 * SPAN_VECTORS;
        acc = (__m512 *) (v + SPAN_TOKENS / 2 * n_vectors);
        q   = (uint16_t *) (acc + call.n_rows * n_vectors);
        for (int row = 0; row < call.n_rows; ++row) {
            pack_along<KvType::f32>((const char *) (call.q + (int64_t) row * call.head_dim_k), call.head_dim_k, q + row * call.head_dim_k);
            call.row_max[row] = NEGATIVE_INFINITY;
        }
        std::fill(acc, acc + call.n_rows * n_vectors, _mm512_setzero_ps());
    }

    // Repeats the last token to fill up its vector.
    void pack_keys(const Span & span, int n_token_vectors, Fetches & fetch) {
        for (int i = 0; i < n_token_vectors; ++i) {
            pack_across<T>(span.k + i * LANES, call.head_dim_k, k + i, SPAN_VECTORS, [&] { fetch.lines(1); });
        }
    }

    void pack_values(const Span & span, Fetches & fetch) {
        for (int j = 0; j < span.n; j += 2) {
            fetch.lines(LINES_A_PAIR);
            __m512i * pair = v + j / 2 * n_vectors;
            pack_between<T>(span.v[j], j + 1 < span.n ? span.v[j + 1] : nullptr, call.head_dim_v, pair);
            pair[n_vectors - 1] = _mm512_set1_epi32(0x3f803f80);
        }
    }

    // Turns a row's scores for positions [base, base + n) into weights.
    void weigh(int row, int32_t base, int n, int n_token_vectors) {
        __m512 *      s   = scores + row * SPAN_VECTORS;
        const int32_t pos = call.row_positions[row];
        const int     first = std::clamp(window_start(call.n_swa, call.swa_type, pos) - base, 0, n);
        const int     end   = std::clamp(pos + 1 - base, 0, n);
        if (call.softcap > 0.0f) {
            soften<Avx512>(call.softcap, n_token_vectors * LANES, (float *) s);
        }
        __m512 max = _mm512_set1_ps(call.row_max[row]);
        for (int i = 0; i < n_token_vectors; ++i) {
            const uint64_t seen = first < end ? (~0ull >> (64 - (end - first))) << first : 0;
            s[i] = _mm512_mask_mov_ps(_mm512_set1_ps(NEGATIVE_INFINITY), (__mmask16) (seen >> i * LANES), s[i]);
            max  = _mm512_max_ps(max, s[i]);
        }
        const float new_max = _mm512_reduce_max_ps(max);
        const __m512 from   = _mm512_set1_ps(new_max > NEGATIVE_INFINITY ? new_max : 0.0f);
        if (new_max > call.row_max[row]) {
            const __m512 scale = weight_of(_mm512_set1_ps(call.row_max[row]), from);
            for (int i = 0; i < n_vectors; ++i) {
                acc[row * n_vectors + i] = _mm512_mul_ps(acc[row * n_vectors + i], scale);
            }
            call.row_max[row] = new_max;
        }
        if (n_token_vectors < SPAN_VECTORS) { // padding; its weights are not read
            s[n_token_vectors] = _mm512_set1_ps(NEGATIVE_INFINITY);
        }
        for (int i = 0; i < n_token_vectors; i += 2) {
            weights[(row * SPAN_VECTORS + i) / 2] = (__m512i) _mm512_cvtne2ps_pbh(weight_of(s[i + 1], from), weight_of(s[i], from));
        }
    }

    void add_span(const Span & span, const Span * ahead, int32_t base) {
        const int n_token_vectors = (span.n + LANES - 1) / LANES;
        const int dk = call.head_dim_k, dv = call.head_dim_v;
        Fetches values(span.v, span.n, kv_bytes(T, dv));
        pack_keys(span, n_token_vectors, values);
        values.rest();
        multiply_few({ q, 2 * dk, 4, call.n_rows }, { k, SPAN_VECTORS }, n_token_vectors, dk / 2, nullptr, { scores, SPAN_VECTORS }, [] {});
        for (int row = 0; row < call.n_rows; ++row) {
            weigh(row, base, span.n, n_token_vectors);
        }
        Fetches keys(ahead ? ahead->k : nullptr, ahead ? ahead->n : 0, kv_bytes(T, dk));
        pack_values(span, keys);
        __m512 ones[VALUE_TILE];
        std::fill(ones, ones + VALUE_TILE, _mm512_set1_ps(1.0f));
        const PairRows rows = { weights, SPAN_TOKENS * 2, 4, call.n_rows };
        for (int c = 0; c < n_vectors; c += VALUE_TILE) {
            multiply_few(rows, { v + c, n_vectors }, std::min(VALUE_TILE, n_vectors - c), (span.n + 1) / 2, ones, { acc + c, n_vectors },
                         [&] { keys.lines(LINES_A_PAIR); });
        }
        keys.rest();
    }

    void end() {
        for (int row = 0; row < call.n_rows; ++row) {
            const __m512 * sums = acc + row * n_vectors;
            std::memcpy(call.acc + (int64_t) row * call.head_dim_v, sums, sizeof(float) * call.head_dim_v);
            call.row_sum[row] = _mm512_cvtss_f32(sums[n_vectors - 1]);
        }
    }
};

template <KvType T>
void attend_few_rows(const KernelCall & call) {
    FewRows<T> rows(call);
    for_each_span(call, [&](const Span & span, const Span * ahead, int32_t base) { rows.add_span(span, ahead, base); });
    rows.end();
}

} // namespace
} // namespace pagoda::avx512bf16
