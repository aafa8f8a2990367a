// Matrix products of ggml graphs over packed weights: with a store that all quantized rows fit in, with one that is too
// small for some rows, and without one, on one thread and on three. All results must be bitwise identical and near a
// double-precision reference; maxima recorded while logits are written must match them. Built with sanitizers by
// test/native/packed-buffer.test.ts.

#include "head/head.h"
#include "matmul/activation-store.h"
#include "matmul/packed-buffer.h"
#include "sampling/row-scan.h"

#include "ggml-alloc.h"
#include "ggml-backend.h"
#include "ggml-cpu.h"
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

constexpr int64_t COLS = 96, ROWS = 70, OTHER_ROWS = 333;

int n_faults = 0;

void expect(bool holds, const char * what, int64_t n_rows) {
    if (!holds) {
        ++n_faults;
        std::printf("FAULT %s: %d rows\n", what, (int) n_rows);
    }
}

ggml_context * make_context(bool no_alloc) { return ggml_init({ 16u << 20, nullptr, no_alloc }); }

ggml_backend_buffer_type_t packed_type() {
    ggml_backend_dev_t cpu = ggml_backend_reg_dev_get(ggml_backend_cpu_reg(), 0);
    const auto get = (ggml_backend_dev_get_extra_bufts_t) ggml_backend_reg_get_proc_address(ggml_backend_cpu_reg(),
                                                                                            "ggml_backend_dev_get_extra_bufts");
    return get(cpu)[0];
}

std::vector<float> gaussian(int64_t n, uint32_t seed) {
    std::mt19937 rng(seed);
    std::normal_distribution<float> normal(0.0f, 1.0f);
    std::vector<float> x(n);
    std::generate(x.begin(), x.end(), [&] { return normal(rng); });
    return x;
}

// Two matrices that read the same rows, like q and k.
struct Weights {
    Weights() : ctx(make_context(true)) {
        first  = ggml_new_tensor_2d(ctx, GGML_TYPE_Q4_1, COLS, ROWS);
        second = ggml_new_tensor_2d(ctx, GGML_TYPE_Q8_0, COLS, OTHER_ROWS);
        buffer = ggml_backend_alloc_ctx_tensors_from_buft(ctx, packed_type());
        uint32_t seed = 1;
        for (ggml_tensor * w : { first, second }) {
            const std::vector<float> src = gaussian(ggml_nelements(w), seed++);
            std::vector<uint8_t> raw(ggml_nbytes(w));
            ggml_quantize_chunk(w->type, src.data(), raw.data(), 0, w->ne[1], COLS, nullptr);
            ggml_backend_tensor_set(w, raw.data(), 0, raw.size());
            std::vector<float> read(src.size());
            ggml_get_type_traits(w->type)->to_float(raw.data(), read.data(), (int64_t) read.size());
            values.push_back(read);
        }
    }
    ~Weights() {
        ggml_backend_buffer_free(buffer);
        ggml_free(ctx);
    }

    ggml_context *                  ctx;
    ggml_tensor *                   first;
    ggml_tensor *                   second;
    ggml_backend_buffer_t           buffer;
    std::vector<std::vector<float>> values; // as read by ggml
};

// Checks that the recorded maxima and NaN flags of the second product match its rows.
void check_noted(const Head & head, const ggml_tensor * logits) {
    for (int64_t i = 0; i < logits->ne[1]; ++i) {
        const float * row = (const float *) logits->data + i * logits->ne[0];
        RowScan noted, expected;
        scan_row({ row, (int32_t) logits->ne[0] }, expected);
        const float * maxima = head.maxima_of(row);
        expect(maxima != nullptr, "a row was not recorded", logits->ne[1]);
        if (!maxima) {
            continue;
        }
        load_scan({ row, (int32_t) logits->ne[0] }, maxima, noted);
        expect(noted.has_nan == expected.has_nan, "has_nan", logits->ne[1]);
        expect(noted.has_nan || (noted.maxima == expected.maxima && noted.max == expected.max), "maxima", logits->ne[1]);
    }
    const float elsewhere = 0;
    expect(!head.maxima_of(&elsewhere), "logits were not recorded", 1);
}

struct Results {
    std::vector<float> first, second;
    bool operator==(const Results & other) const { return first == other.first && second == other.second; }
};

// `n_stored`: rows that fit into the store, 0 = no store.
Results compute(const Weights & w, int64_t n_rows, int n_threads, int64_t n_stored) {
    ggml_context * ctx = make_context(false);
    ggml_tensor *  x   = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, COLS, n_rows);
    ggml_tensor * y1 = ggml_mul_mat(ctx, w.first, x);
    ggml_tensor * y2 = ggml_mul_mat(ctx, w.second, x);
    ggml_cgraph * graph = ggml_new_graph(ctx);
    ggml_build_forward_expand(graph, y1);
    ggml_build_forward_expand(graph, y2);

    ggml_threadpool_params params = ggml_threadpool_params_default(n_threads);
    ggml_threadpool * pool = ggml_threadpool_new(&params);
    Head head((int32_t) ggml_nrows(w.second));
    auto store = n_stored > 0 ? std::make_unique<ActivationStore>(pool, n_threads, n_stored, widest_packed_blocks(), head) : nullptr;
    ggml_cplan plan = ggml_graph_plan(graph, n_threads, pool);
    ggml_set_name(y2, "result_output");
    std::vector<uint8_t> work(plan.work_size + 64);
    plan.work_data = (uint8_t *) (((uintptr_t) work.data() + 63) / 64 * 64);
    Results results;
    // Runs two steps and checks the second, which must use the new rows in the same place.
    for (const uint32_t seed : { 8, 9 }) {
        const std::vector<float> rows = gaussian(COLS * n_rows, seed);
        std::copy(rows.begin(), rows.end(), (float *) x->data);
        if (store) {
            store->begin_step();
            head.begin_step(HeadNeed::logits, n_rows);
        }
        ggml_graph_compute(graph, &plan);
    }
    if (n_stored >= n_rows) {
        check_noted(head, y2);
        ((float *) x->data)[COLS - 1] = NAN;
        store->begin_step();
        ggml_graph_compute(graph, &plan);
        check_noted(head, y2);
        ((float *) x->data)[COLS - 1] = gaussian(COLS * n_rows, 9)[COLS - 1];
        store->begin_step();
        head.begin_step(HeadNeed::logits, n_rows - 1); // room for fewer rows than the product has
        ggml_graph_compute(graph, &plan);
        expect(!head.maxima_of((const float *) y2->data), "more rows than expected", n_rows);
    }
    results.first.assign((float *) y1->data, (float *) y1->data + ggml_nelements(y1));
    results.second.assign((float *) y2->data, (float *) y2->data + ggml_nelements(y2));
    store.reset();
    ggml_threadpool_free(pool);
    ggml_free(ctx);
    return results;
}

// A head with one row per step that needs only the largest logit. Its index and the recorded maxima match
// those of all logits, although most logits are skipped. Rows with a NaN are computed completely.
void check_screened(int n_threads) {
    constexpr int64_t LOGITS = 5000;
    ggml_context * weights = make_context(true);
    ggml_tensor *  matrix  = ggml_new_tensor_2d(weights, GGML_TYPE_Q8_0, COLS, LOGITS);
    ggml_set_name(matrix, "output.weight");
    ggml_backend_buffer_t buffer = ggml_backend_alloc_ctx_tensors_from_buft(weights, packed_type());
    expect(ggml_backend_buffer_get_size(buffer) >= LOGITS * COLS * 3 / 2, "there is no room for the plane", 1);
    std::vector<uint8_t> raw(ggml_nbytes(matrix));
    ggml_quantize_chunk(matrix->type, gaussian(COLS * LOGITS, 3).data(), raw.data(), 0, LOGITS, COLS, nullptr);
    ggml_backend_tensor_set(matrix, raw.data(), 0, raw.size());

    ggml_context * ctx = make_context(false);
    ggml_tensor *  x   = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, COLS, 1);
    ggml_tensor *  y   = ggml_set_name(ggml_mul_mat(ctx, matrix, x), "result_output");
    ggml_cgraph * graph = ggml_new_graph(ctx);
    ggml_build_forward_expand(graph, y);
    ggml_threadpool_params params = ggml_threadpool_params_default(n_threads);
    ggml_threadpool * pool = ggml_threadpool_new(&params);
    Head head(LOGITS);
    {
        ActivationStore store(pool, n_threads, 1, widest_packed_blocks(), head);
        ggml_cplan plan = ggml_graph_plan(graph, n_threads, pool);
        std::vector<uint8_t> work(plan.work_size);
        plan.work_data = work.data();
        const auto logits = [&](HeadNeed need) {
            store.begin_step();
            head.begin_step(need, 1);
            ggml_graph_compute(graph, &plan);
            check_noted(head, y);
            return std::vector<float>((float *) y->data, (float *) y->data + LOGITS);
        };
        for (uint32_t seed = 20; seed < 40; ++seed) {
            std::vector<float> row = gaussian(COLS, seed);
            row[seed] *= 40;
            std::copy(row.begin(), row.end(), (float *) x->data);
            const std::vector<float> all = logits(HeadNeed::logits), few = logits(HeadNeed::argmax);
            expect(std::max_element(all.begin(), all.end()) - all.begin() == std::max_element(few.begin(), few.end()) - few.begin(),
                   "the largest logit", 1);
            int64_t n_out = 0;
            for (int64_t i = 0; i < LOGITS; ++i) {
                n_out += few[i] == -INFINITY;
                expect(few[i] == all[i] || few[i] == -INFINITY, "a logit is neither exact nor ruled out", 1);
            }
            expect(n_out > LOGITS / 2, "most logits are ruled out", 1);
        }
        ((float *) x->data)[0] = NAN;
        const std::vector<float> none = logits(HeadNeed::argmax);
        expect(std::none_of(none.begin(), none.end(), [](float v) { return v == -INFINITY; }), "a NaN is ruled out", 1);
    }
    ggml_threadpool_free(pool);
    ggml_free(ctx);
    ggml_backend_buffer_free(buffer);
    ggml_free(weights);
}

// Rows are quantized to 8 bits along the way, so each value can be off by half a step of its block.
void check_near(const std::vector<float> & w, const std::vector<float> & got, int64_t n_outputs, int64_t n_rows) {
    const std::vector<float> x = gaussian(COLS * n_rows, 9);
    for (int64_t i = 0; i < n_rows; ++i) {
        for (int64_t r = 0; r < n_outputs; ++r) {
            double sum = 0, size = 0;
            for (int64_t c = 0; c < COLS; ++c) {
                sum += (double) w[r * COLS + c] * x[i * COLS + c];
                size += std::fabs(w[r * COLS + c]);
            }
            expect(std::fabs(got[i * n_outputs + r] - sum) <= size * 4.0 / 254, "wrong product", n_rows);
        }
    }
}

} // namespace

int main() {
    if (!packs_weights()) {
        std::printf("none: this CPU has no kernels\n");
        return 0;
    }
    register_packed_buffer();
    const Weights w;
    for (const int64_t n_rows : { 1, 5, 97, 130 }) {
        const Results expected = compute(w, n_rows, 1, n_rows);
        check_near(w.values[0], expected.first, ROWS, n_rows);
        check_near(w.values[1], expected.second, OTHER_ROWS, n_rows);
        for (const int n_threads : { 1, 3 }) {
            expect(compute(w, n_rows, n_threads, n_rows) == expected, "with a store", n_rows);
            expect(compute(w, n_rows, n_threads, 0) == expected, "without a store", n_rows);
            if (n_rows > 1) {
                expect(compute(w, n_rows, n_threads, n_rows - 1) == expected, "more rows than the store holds", n_rows);
            }
        }
    }
    check_screened(1);
    check_screened(3);
    expect(take_unpacked_types().empty(), "a type was refused", 0);
    std::printf("%s %s\n", weight_kernel_name(), n_faults == 0 ? "ok" : "wrong");
    return n_faults == 0 ? 0 : 1;
}
