// Screened head products compared with full products by the same kernels: the remaining logits are bitwise
// identical, logits at -inf are below the largest, and no bound is too low. The same holds for the tokens
// that random masks allow. Prints a line per case and each error. Built with sanitizers by
// test/native/head-screen.test.ts.

#include "matmul/gemm.h"
#include "matmul/packed-weights.h"
#include "matmul/screen.h"

#include "ggml.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace pagoda;

namespace {

int n_faults = 0;

void expect(bool holds, const std::string & what) {
    if (!holds && ++n_faults <= 20) {
        std::printf("FAULT %s\n", what.c_str());
    }
}

// Same as ggml's block_q8_0.
struct Block {
    ggml_fp16_t scale;
    int8_t      codes[BLOCK_COLS];
};

struct Case {
    int64_t            rows, cols;
    std::vector<Block> weights; // [rows, cols / 32]
    std::vector<float> x;       // [cols]

    Case(int64_t rows, int64_t cols) : rows(rows), cols(cols), weights(rows * cols / BLOCK_COLS), x(cols) {}
    Block & block(int64_t row, int64_t b) { return weights[row * (cols / BLOCK_COLS) + b]; }
};

using Rng = std::mt19937;

// Codes over the whole range, and activations with a few outlier columns, like the output of a final norm.
Case gaussian(int64_t rows, int64_t cols, Rng & rng) {
    Case c(rows, cols);
    std::normal_distribution<float> normal(0.0f, 1.0f);
    for (Block & block : c.weights) {
        block.scale = ggml_fp32_to_fp16(0.003f + 0.001f * std::fabs(normal(rng)));
        std::generate(block.codes, block.codes + BLOCK_COLS, [&] { return (int8_t) std::clamp(50 * normal(rng), -128.0f, 127.0f); });
    }
    std::generate(c.x.begin(), c.x.end(), [&] { return normal(rng); });
    for (int64_t i = 5; i < cols; i += 97) {
        c.x[i] *= 30;
    }
    return c;
}

void set_all(Case & c, const std::function<int(int64_t row, int64_t col)> & code, float scale = 0.01f) {
    for (int64_t row = 0; row < c.rows; ++row) {
        for (int64_t col = 0; col < c.cols; ++col) {
            c.block(row, col / BLOCK_COLS).scale                   = ggml_fp32_to_fp16(scale);
            c.block(row, col / BLOCK_COLS).codes[col % BLOCK_COLS] = (int8_t) code(row, col);
        }
    }
}

struct Head {
    explicit Head(const Case & c)
        : packed_size(packed_bytes(GGML_TYPE_Q8_0, c.cols, c.rows)), plane_size(high_plane_bytes(GGML_TYPE_Q8_0, c.cols, c.rows)),
          memory(new uint8_t[packed_size + plane_size + 64]), n_blocks(c.cols / BLOCK_COLS), codes(c.cols), scales(n_blocks),
          exact(c.rows), logits(c.rows, -1.0f) {
        data = (uint8_t *) (((uintptr_t) memory.get() + 63) / 64 * 64);
        pack_weights(GGML_TYPE_Q8_0, c.cols, c.rows, c.weights.data(), data, 2);
        pack_high_plane(c.cols, c.rows, data, data + packed_size, 2);
        const GemmKernels & set = *gemm_kernels();
        set.quantize(c.x.data(), n_blocks, codes.data(), scales.data());
        head = { data, data + packed_size, (int64_t) packed_bytes(GGML_TYPE_Q8_0, c.cols, PANEL_ROWS), c.rows,
                 set.panel(GGML_TYPE_Q8_0), set.bound, { codes.data(), scales.data(), n_blocks, n_blocks }, logits.data(), nullptr };
        for (int64_t row = 0; row < c.rows; row += PANEL_ROWS) {
            head.multiply_panel(data + row / PANEL_ROWS * head.panel_bytes, (int) std::min<int64_t>(PANEL_ROWS, c.rows - row), head.x, 0, 1,
                          exact.data() + row, c.rows);
        }
    }

    int64_t n_panels() const { return ((int64_t) exact.size() + PANEL_ROWS - 1) / PANEL_ROWS; }

    size_t                        packed_size, plane_size;
    std::unique_ptr<uint8_t[]>    memory;
    uint8_t *                     data;
    int64_t                       n_blocks;
    std::vector<int8_t>           codes;
    std::vector<ActivationScales> scales;
    std::vector<float>            exact, logits;
    ScreenedHead                  head;
};

// Index of the first of the largest values. Ignores NaN.
int64_t argmax(const std::vector<float> & x) {
    int64_t found = -1;
    for (int64_t i = 0; i < (int64_t) x.size(); ++i) {
        if (!std::isnan(x[i]) && (found < 0 || x[i] > x[found])) {
            found = i;
        }
    }
    return found;
}

// Computes like two threads, each with half of the panels.
class TwoThreads {
public:
    explicit TwoThreads(Head & head) : h(head), has_bounds(screens[0].prepare(h.head.x) && screens[1].prepare(h.head.x)) {}

    void bound() {
        const int64_t middle = h.n_panels() / 2;
        h.head.bound(screens[0], 0, middle);
        h.head.bound(screens[1], middle, h.n_panels());
    }

    void settle() {
        const Screen & best = screens[screens[1].best_estimate > screens[0].best_estimate];
        const float threshold = h.head.largest_of_panel(best.best_panel);
        for (int64_t i = 0; i < h.n_panels(); i += SETTLED_PANELS) {
            h.head.settle(i, std::min(h.n_panels(), i + SETTLED_PANELS), threshold);
        }
    }

private:
    Head & h;
    Screen screens[2];

public:
    const bool has_bounds;
};

// A mask that allows each token with probability `share`, and at least one token.
std::vector<uint32_t> random_mask(int64_t n, double share, Rng & rng) {
    std::vector<uint32_t> mask((n + 31) / 32);
    std::bernoulli_distribution is_in(share);
    const auto allow = [&](int64_t i) { mask[i / 32] |= 1u << (i % 32); };
    allow((int64_t) (rng() % (uint64_t) n));
    for (int64_t i = 0; i < n; ++i) {
        if (is_in(rng)) {
            allow(i);
        }
    }
    return mask;
}

// The largest logit of an allowed token is exact, and the same as without screening.
void check_masked(const std::string & name, const Case & c, double share) {
    static Rng rng(7);
    const std::vector<uint32_t> mask = random_mask(c.rows, share, rng);
    Head h(c);
    h.head.allowed = mask.data();
    TwoThreads threads(h);
    threads.bound();
    threads.settle();
    std::vector<float> exact = h.exact, logits = h.logits;
    for (int64_t i = 0; i < c.rows; ++i) {
        const bool is_same = std::memcmp(&logits[i], &exact[i], sizeof(float)) == 0;
        expect(is_same || logits[i] == -INFINITY, name + ": a masked logit is neither exact nor ruled out");
        if ((mask[i / 32] >> (i % 32) & 1) == 0) {
            exact[i] = logits[i] = NAN;
        }
    }
    const int64_t top = argmax(exact);
    expect(argmax(logits) == top, name + ": the largest allowed logit");
    expect(top < 0 || logits[top] == exact[top], name + ": the largest allowed logit is exact");
}

// Returns the share of logits that were computed.
double check(const std::string & name, const Case & c) {
    Head h(c);
    TwoThreads threads(h);
    if (!threads.has_bounds) {
        return -1;
    }
    threads.bound();
    for (int64_t i = 0; i < c.rows; ++i) {
        expect(!(h.logits[i] < h.exact[i]), name + ": a bound below its logit");
    }
    threads.settle();
    for (const double share : { 0.0, 0.01, 0.5, 1.0 }) {
        check_masked(name, c, share);
    }
    int64_t n_computed = 0;
    const int64_t top = argmax(h.exact);
    for (int64_t i = 0; i < c.rows; ++i) {
        const bool is_same = std::memcmp(&h.logits[i], &h.exact[i], sizeof(float)) == 0;
        n_computed += is_same;
        expect(is_same || (h.logits[i] == -INFINITY && h.exact[i] < h.exact[top]),
               name + ": a logit is neither exact nor ruled out");
    }
    expect(argmax(h.logits) == top, name + ": the largest logit");
    return (double) n_computed / (double) c.rows;
}

void check_shapes(Rng & rng) {
    for (int64_t rows : { 1, 15, 16, 17, 333, 2000 }) {
        for (int64_t cols : { 32, 96, 576, 2048 }) {
            for (int i = 0; i < 4; ++i) {
                expect(check("gaussian", gaussian(rows, cols, rng)) >= 0, "gaussian: no bounds");
            }
        }
    }
    const double share = check("gaussian", gaussian(4000, 576, rng));
    expect(share >= 0 && share < 0.2, "gaussian: too many logits are computed");
}

void check_ties(Rng & rng) {
    Case c = gaussian(333, 96, rng);
    for (int64_t row : { 40, 41, 150, 332 }) { // the same largest row in several panels
        for (int64_t col = 0; col < c.cols; ++col) {
            c.block(row, col / BLOCK_COLS).scale                   = ggml_fp32_to_fp16(0.01f);
            c.block(row, col / BLOCK_COLS).codes[col % BLOCK_COLS] = c.x[col] > 0 ? 127 : -127;
        }
    }
    const Head h(c);
    expect(argmax(h.exact) == 40, "ties: the case itself");
    check("ties", c);
    set_all(c, [](int64_t, int64_t col) { return (int) (col * 37 % 255) - 127; });
    expect(check("equal rows", c) == 1, "equal rows: all are the largest");
    set_all(c, [](int64_t, int64_t) { return 0; });
    expect(check("zeros", c) == 1, "zeros: all are the largest");
    std::fill(c.x.begin(), c.x.end(), 0.0f);
    check("zero activations", c);
}

// The middle of the low bits is off by the maximum: in one direction for the winner, and in the other for the
// rest.
void check_far_off(Rng & rng) {
    Case c(333, 96);
    std::fill(c.x.begin(), c.x.end(), 1.0f);
    for (int64_t winner : { 0, 100, 332 }) {
        set_all(c, [&](int64_t row, int64_t) { return row == winner ? 15 : row % 2 ? 14 : 8; });
        check("the winner is above its estimate", c); // 15 is 8 * 1 + 7
        set_all(c, [&](int64_t row, int64_t col) { return row == winner ? 15 : col % 20 == 0 ? 0 : 16 - (int) (col % 20 == 1) * 9; });
        check("the others are below their estimates", c);
        set_all(c, [&](int64_t row, int64_t) { return row == winner ? 7 : 0; });
        expect(check("same high bits", c) == 1, "same high bits: all are computed");
        set_all(c, [&](int64_t row, int64_t col) { return row == winner ? -3 : -4 - (int) ((row + col) % 100); });
        check("negative logits", c);
    }
    c = gaussian(333, 96, rng);
    for (Block & block : c.weights) {
        block.scale = ggml_fp32_to_fp16(-0.01f * (float) (1 + rng() % 3));
    }
    check("negative scales", c);
}

void check_not_finite(Rng & rng) {
    for (const float bad : { NAN, INFINITY, -INFINITY }) {
        for (int64_t row : { 0, 20, 332 }) {
            Case c = gaussian(333, 96, rng);
            c.block(row, 1).scale = ggml_fp32_to_fp16(bad);
            const Head h(c);
            expect(!std::isfinite(h.exact[row]), "not finite: the case itself");
            check("not finite", c);
        }
        Case c = gaussian(17, 96, rng);
        c.x[70] = bad;
        expect(check("activations", c) == -1, "non-finite activations have bounds");
    }
}

bool is_finite(const Case & c) {
    const Head h(c);
    return is_finite_plane(c.cols, c.rows, h.data + h.packed_size);
}

void check_finite_flag(Rng & rng) {
    const Case c = gaussian(333, 96, rng);
    expect(is_finite(c), "a plane of finite scales");
    for (const float bad : { NAN, INFINITY, -INFINITY }) {
        for (int64_t row : { 0, 20, 332 }) {
            Case broken = c;
            broken.block(row, 2).scale = ggml_fp32_to_fp16(bad);
            expect(!is_finite(broken), "a plane of scales that are not finite");
        }
    }
}

void check_scales(Rng & rng) {
    for (const float scale : { 1e-17f, 1e-6f, 1e6f, 1e17f }) {
        Case c = gaussian(333, 96, rng);
        std::for_each(c.x.begin(), c.x.end(), [scale](float & x) { x *= scale; });
        expect(check("scales", c) >= 0, "scales: no bounds");
        for (Block & block : c.weights) {
            block.scale = ggml_fp32_to_fp16(rng() % 2 ? 65504.0f : 6e-8f);
        }
        expect(check("extreme scales", c) >= 0, "extreme scales: no bounds");
    }
    for (const float scale : { 1e-25f, 1e25f }) {
        Case c = gaussian(17, 96, rng);
        std::for_each(c.x.begin(), c.x.end(), [scale](float & x) { x *= scale; });
        expect(check("scales", c) == -1, "activations out of range have bounds");
    }
}

} // namespace

int main() {
    const GemmKernels * set = gemm_kernels();
    if (!set) {
        std::printf("none: this CPU has no kernels\n");
        return 0;
    }
    Rng rng(7);
    check_shapes(rng);
    check_ties(rng);
    check_far_off(rng);
    check_not_finite(rng);
    check_finite_flag(rng);
    check_scales(rng);
    expect(high_plane_bytes(GGML_TYPE_Q4_1, 96, 16) == 0, "a plane for a type that has none");
    std::printf("%s %s\n", set->name, n_faults == 0 ? "ok" : "wrong");
    return n_faults == 0 ? 0 : 1;
}
