// The matrix kernels selected by PAGODA_CPU compared with a scalar reference in double precision, for all
// remainders of rows and columns, odd batches and extreme values. Prints a line per type, and each error.
// Built with sanitizers by test/native/gemm.test.ts.

#include "matmul/gemm.h"
#include "matmul/packed-weights.h"

#include "ggml.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

using namespace pagoda;

namespace {

int n_faults = 0;

void fault(const char * what, ggml_type type, const GemmKernels & set, int64_t rows, int64_t cols, int64_t batch) {
    if (++n_faults <= 20) {
        std::printf("FAULT %s: %s %s, %d x %d weights, %d rows\n", what, set.name, ggml_type_name(type), (int) rows, (int) cols, (int) batch);
    }
}

struct Aligned {
    explicit Aligned(size_t bytes) : memory(new uint8_t[bytes + 64]) {
        data = (uint8_t *) (((uintptr_t) memory.get() + 63) / 64 * 64);
    }
    std::unique_ptr<uint8_t[]> memory;
    uint8_t *                  data;
};

struct Weights {
    Weights(ggml_type type, int64_t rows, int64_t cols, float scale, std::mt19937 & rng)
        : type(type), rows(rows), cols(cols), values(rows * cols), packed(packed_bytes(type, cols, rows)) {
        std::normal_distribution<float> normal(0.1f * scale, scale);
        std::vector<float> src(rows * cols);
        std::generate(src.begin(), src.end(), [&] { return normal(rng); });
        std::fill(src.begin(), src.begin() + std::min<int64_t>(cols, 32), 0.0f);
        std::vector<uint8_t> raw(ggml_row_size(type, cols) * rows);
        ggml_quantize_chunk(type, src.data(), raw.data(), 0, rows, cols, nullptr);
        for (int64_t r = 0; r < rows; ++r) {
            ggml_get_type_traits(type)->to_float(raw.data() + r * ggml_row_size(type, cols), values.data() + r * cols, cols);
        }
        pack_weights(type, cols, rows, raw.data(), packed.data, 2);
    }

    ggml_type          type;
    int64_t            rows, cols;
    std::vector<float> values; // as read by ggml
    Aligned            packed;
};

struct Quantized {
    Quantized(const GemmKernels & set, const std::vector<float> & x, int64_t batch, int64_t cols)
        : n_blocks(cols / 32), row_blocks(padded_row_blocks(n_blocks)), codes(batch * row_blocks * 32), scales(batch * row_blocks) {
        for (int64_t i = 0; i < batch; ++i) {
            set.quantize(x.data() + i * cols, n_blocks, codes.data() + i * row_blocks * 32, scales.data() + i * row_blocks);
        }
    }

    Activations view() const { return { codes.data(), scales.data(), n_blocks, row_blocks }; }
    double value(int64_t i, int64_t c) const {
        return (double) codes[i * row_blocks * 32 + c] * scales[i * row_blocks + c / 32].scale;
    }

    int64_t                       n_blocks, row_blocks;
    std::vector<int8_t>           codes;
    std::vector<ActivationScales> scales;
};

std::vector<float> multiply(const GemmKernels & set, const Weights & w, const Activations & x, int64_t begin, int64_t end) {
    std::vector<float> out(w.rows * (end - begin), -1.0f);
    const size_t panel = packed_bytes(w.type, w.cols, PANEL_ROWS);
    for (int64_t r = 0; r < w.rows; r += PANEL_ROWS) {
        set.panel(w.type)(w.packed.data + r / PANEL_ROWS * panel, (int) std::min<int64_t>(PANEL_ROWS, w.rows - r), x, begin, end,
                          out.data() + r, w.rows);
    }
    return out;
}

void check_product(const GemmKernels & set, const Weights & w, const Quantized & q, int64_t batch) {
    const std::vector<float> out = multiply(set, w, q.view(), 0, batch);
    for (int64_t i = 0; i < batch; ++i) {
        const std::vector<float> alone = multiply(set, w, q.view(), i, i + 1);
        if (std::memcmp(alone.data(), out.data() + i * w.rows, w.rows * sizeof(float)) != 0) {
            fault("a row has a different result in a batch", w.type, set, w.rows, w.cols, batch);
        }
        for (int64_t r = 0; r < w.rows; ++r) {
            double sum = 0, size = 1e-37;
            for (int64_t c = 0; c < w.cols; ++c) {
                const double term = (double) w.values[r * w.cols + c] * q.value(i, c);
                sum += term;
                size += std::fabs(term);
            }
            // Codes are unsigned; subtracting the offset adds rounding, too.
            if (!(std::fabs(out[i * w.rows + r] - sum) <= 2e-5 * size)) {
                fault("wrong product", w.type, set, w.rows, w.cols, batch);
            }
        }
    }
}

std::vector<float> activations(int64_t n, float scale, std::mt19937 & rng) {
    std::normal_distribution<float> normal(0.0f, scale);
    std::vector<float> x(n);
    std::generate(x.begin(), x.end(), [&] { return normal(rng); });
    return x;
}

void check_shapes(const GemmKernels & set, ggml_type type, std::mt19937 & rng) {
    const int64_t unit = ggml_blck_size(type);
    for (int64_t rows : { 1, 7, 8, 9, 15, 16, 17, 33 }) {
        for (int64_t units : { 1, 2, 3 }) {
            const Weights w(type, rows, units * unit, 1.0f, rng);
            for (int64_t batch = 1; batch <= 27; batch += rows == 17 ? 1 : 13) {
                check_product(set, w, Quantized(set, activations(batch * w.cols, 1.0f, rng), batch, w.cols), batch);
            }
        }
    }
}

void check_extremes(const GemmKernels & set, ggml_type type, std::mt19937 & rng) {
    const int64_t cols = 2 * ggml_blck_size(type);
    for (float weight_scale : { 0.0f, 1e-6f, 1e-3f, 1e3f }) {
        const Weights w(type, 17, cols, weight_scale, rng);
        for (float scale : { 0.0f, 1e-40f, 1e-31f, 1e-20f, 1e4f }) {
            check_product(set, w, Quantized(set, activations(3 * cols, scale, rng), 3, cols), 3);
        }
    }
}

void check_nan(const GemmKernels & set, ggml_type type, std::mt19937 & rng) {
    const int64_t cols = 2 * ggml_blck_size(type);
    const Weights w(type, 17, cols, 1.0f, rng);
    for (float bad : { NAN, INFINITY, -INFINITY }) {
        for (int64_t at : { (int64_t) 0, (int64_t) 31, cols - 1 }) {
            std::vector<float> x = activations(2 * cols, 1.0f, rng);
            x[cols + at] = bad;
            const Quantized q(set, x, 2, cols);
            const std::vector<float> out = multiply(set, w, q.view(), 0, 2);
            for (int64_t r = 0; r < w.rows; ++r) {
                if (!std::isfinite(out[r]) || std::isfinite(out[w.rows + r])) {
                    fault("a NaN is lost or affects other rows", type, set, w.rows, cols, 2);
                }
            }
        }
    }
}

void check_quantized(const GemmKernels & set, std::mt19937 & rng) {
    const std::vector<float> x = activations(64 * 5, 3.0f, rng);
    const Quantized q(set, x, 5, 64);
    for (int64_t i = 0; i < 5; ++i) {
        for (int64_t b = 0; b < 2; ++b) {
            const float * src = x.data() + i * 64 + b * 32;
            float largest = 0;
            for (int c = 0; c < 32; ++c) {
                largest = std::max(largest, std::fabs(src[c]));
            }
            const ActivationScales & s = q.scales[i * q.row_blocks + b];
            int sums[2] = { 0, 0 };
            for (int c = 0; c < 32; ++c) {
                const int code = q.codes[(i * q.row_blocks + b) * 32 + c];
                sums[c / 16] += code;
                if (std::fabs(code * (double) s.scale - src[c]) > 0.5001 * s.scale || code < -127) {
                    fault("wrong code", GGML_TYPE_Q8_0, set, 0, 64, 5);
                }
            }
            const bool is_right = s.scale == largest / 127.0f && s.sum == s.scale * (sums[0] + sums[1]) &&
                                  s.halves[0] == s.scale * sums[0] && s.halves[1] == s.scale * sums[1];
            if (!is_right) {
                fault("wrong scales", GGML_TYPE_Q8_0, set, 0, 64, 5);
            }
        }
    }
}

void check_set(const GemmKernels & set) {
    std::mt19937 rng(7);
    check_quantized(set, rng);
    for (ggml_type type : { GGML_TYPE_Q4_0, GGML_TYPE_Q4_1, GGML_TYPE_Q5_0, GGML_TYPE_Q5_1, GGML_TYPE_Q8_0, GGML_TYPE_Q4_K,
                            GGML_TYPE_Q5_K, GGML_TYPE_Q6_K }) {
        const int before = n_faults;
        check_shapes(set, type, rng);
        check_extremes(set, type, rng);
        check_nan(set, type, rng);
        std::printf("%s %s %s\n", set.name, ggml_type_name(type), n_faults == before ? "ok" : "wrong");
    }
    if (set.panel(GGML_TYPE_F32) || set.panel(GGML_TYPE_Q2_K) || packed_bytes(GGML_TYPE_Q2_K, 256, 16) != 0) {
        fault("a kernel for an unsupported type", GGML_TYPE_Q2_K, set, 16, 256, 1);
    }
}

} // namespace

int main() {
    const GemmKernels * kernels = gemm_kernels();
    if (!kernels) {
        std::printf("none: this CPU has no kernels\n");
        return 0;
    }
    check_set(*kernels);
    return n_faults == 0 ? 0 : 1;
}
