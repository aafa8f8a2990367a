// After a step's last barrier, ggml's threads keep polling for a few milliseconds, so they are available at once;
// separate threads would have to compete with them for the cores.

#include "sampling/sample-rows.h"

#include "ggml-cpu.h"
#include "ggml.h"

#include <algorithm>
#include <numeric>

namespace pagoda {

namespace {

// Threads share a step's rows if the step reads at least this many values, see is_worth_threads().
constexpr int64_t WORTH_THREADS = 3000000;

// Approximate number of times that a row's logits are read; a pass for the maximum counts as 1.
int64_t num_passes(const SampleRow & row) {
    const bool is_random = row.target < 0 && row.temperature > 0;
    const bool has_top_k = row.top_k > 0 && row.top_k < row.n_vocab;
    const bool is_whole  = is_random && !has_top_k && row.min_p <= 0; // only top-p cuts
    const bool has_sums  = is_whole || row.num_logprobs >= 0;
    return 1 + (row.state ? 2 : 0) + (has_sums ? 4 : 0) + (is_whole && row.top_p < 1 ? 4 : 0);
}

} // namespace

SampleRows::SampleRows(int32_t n_vocab, int32_t n_threads, ggml_threadpool * pool) : threadpool(pool), ctx(nullptr, ggml_free) {
    for (int32_t i = 0; i < n_threads; ++i) {
        scratches.emplace_back(n_vocab);
    }
    ggml_init_params params = {};
    params.mem_size = ggml_tensor_overhead() + ggml_graph_overhead_custom(1, false);
    params.no_alloc = true;
    ctx.reset(ggml_init(params));
    graph = ggml_new_graph_custom(ctx.get(), 1, false);
    ggml_build_forward_expand(graph, ggml_custom_4d(ctx.get(), GGML_TYPE_F32, 1, 1, 1, 1, nullptr, 0, op, GGML_N_TASKS_MAX, this));
}

void SampleRows::run(const std::vector<SampleRow> & step_rows, std::vector<SampleResult> & step_results) {
    rows    = &step_rows;
    results = &step_results;
    results->resize(rows->size());
    next_group = 0;
    make_groups();
    if (!is_worth_threads()) {
        take_groups(scratches[0]);
        return;
    }
    ggml_cplan plan = ggml_graph_plan(graph, (int) scratches.size(), threadpool);
    ggml_graph_compute(graph, &plan);
}

// Rows that share a state form one group, since each row's token must be counted before the next row is sampled. So do
// a run's rows, since a run can end early.
void SampleRows::make_groups() {
    order.resize(rows->size());
    std::iota(order.begin(), order.end(), 0);
    const auto state_of = [this](int32_t i) { return (*rows)[i].target < 0 ? (*rows)[i].state : nullptr; };
    std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
        return std::make_pair(state_of(a), a) < std::make_pair(state_of(b), b);
    });
    group_starts.clear();
    for (int32_t i = 0; i < (int32_t) order.size(); ++i) {
        const bool shares_state = i > 0 && state_of(order[i]) && state_of(order[i]) == state_of(order[i - 1]);
        const bool follows      = i > 0 && (*rows)[order[i - 1]].expected >= 0;
        if (!shares_state && !follows) {
            group_starts.push_back(i);
        }
    }
    group_starts.push_back((int32_t) order.size());
}

// Handing over rows and the final barrier cost about 10 us while the threads hold their cores, or a time slice if
// another process has taken a core. Threads therefore share the work if sampling takes at least about 130 us, at 43
// ps per value read: 16 greedy rows of 49,152 values take less than that, but more with top-p.
bool SampleRows::is_worth_threads() const {
    if (scratches.size() == 1 || group_starts.size() <= 2) {
        return false;
    }
    return std::accumulate(rows->begin(), rows->end(), (int64_t) 0, [](int64_t sum, const SampleRow & row) {
        return sum + num_passes(row) * row.n_vocab;
    }) >= WORTH_THREADS;
}

void SampleRows::take_groups(SampleScratch & scratch) {
    const auto n_groups = (int32_t) group_starts.size() - 1;
    for (int32_t group; (group = next_group.fetch_add(1, std::memory_order_relaxed)) < n_groups;) {
        sample_group(group_starts[group], group_starts[group + 1], scratch);
    }
}

void SampleRows::sample_group(int32_t first, int32_t end, SampleScratch & scratch) {
    bool is_cut = false;
    for (int32_t i = first; i < end; ++i) {
        const SampleRow & row    = (*rows)[order[i]];
        SampleResult &    result = (*results)[order[i]];
        if (is_cut) {
            skip_row(row, result);
        } else {
            sample_row(row, scratch, result);
        }
        const bool is_hit = result.token == row.expected && !result.has_nan && !result.is_refused;
        is_cut = row.expected >= 0 && !is_hit;
    }
}

void SampleRows::op(ggml_tensor *, int ith, int, void * self) {
    auto & rows = *static_cast<SampleRows *>(self);
    rows.take_groups(rows.scratches[ith]);
}

} // namespace pagoda
