// The attention op, with the kernels selected by PAGODA_CPU, compared with a scalar reference in double
// precision: shapes with all remainders, partitions, shared prefixes, windows, soft caps, sinks, caches of
// each type, extreme values and prompt chunks. Prints a line per group of cases, and each error. Memory that
// must not be read is NaN or outside the allocation. Built with sanitizers by
// test/native/attention-kernels.test.ts.

#include "attention-step.h"
#include "attention/select.h"

#include "ggml.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

using namespace pagoda;

namespace {

int         n_faults = 0;
int         n_coarse = 0; // numbers that are correct only within bf16 rounding
std::string group;

// Half the distance between two adjacent 8-bit-precision numbers, relative to the number.
constexpr double BF16_ROUNDING = 1.0 / 512;

bool is_bf16_set() { return std::strcmp(attention_kernel_name(), "avx512bf16") == 0; }

void fault(const char * what, const AttentionShape & s, int row, int head, double got, double expected) {
    if (++n_faults <= 20) {
        std::printf("FAULT %s: %s, %s, head size %d, %d of %d heads, block size %d: row %d, head %d: %g for %g\n", what, group.c_str(),
                    ggml_type_name(s.kv_type), s.head_dim, s.n_head, s.n_head_kv, s.block_size, row, head, got, expected);
    }
}

struct Scales {
    float q = 1.0f, k = 1.0f, v = 1.0f;
};

int32_t num_slots(const AttentionShape & s, const std::vector<AttentionSequence> & sequences) {
    int32_t last = 0;
    for (const AttentionSequence & sequence : sequences) {
        last = std::max(last, *std::max_element(sequence.blocks.begin(), sequence.blocks.end()));
    }
    return (last + 1) * s.block_size;
}

int64_t slot_of(const AttentionShape & s, const AttentionSequence & sequence, int32_t pos) {
    return (int64_t) sequence.blocks[pos / s.block_size] * s.block_size + pos % s.block_size;
}

// K or V as read by the op. Slots without a token are NaN.
struct Pool {
    Pool(const AttentionShape & s, const std::vector<AttentionSequence> & sequences, float scale, std::mt19937 & rng)
        : shape(s), bytes(num_slots(s, sequences) * s.slot_bytes(), 0xFF) {
        for (const AttentionSequence & sequence : sequences) {
            for (int32_t pos = 0; pos < sequence.n_tokens; ++pos) {
                fill(slot(slot_of(s, sequence, pos)), scale, rng);
            }
        }
    }

    void fill(uint8_t * to, float scale, std::mt19937 & rng) {
        std::normal_distribution<float> normal(0.0f, 1.0f);
        std::vector<float> row(shape.head_dim * shape.n_head_kv);
        std::generate(row.begin(), row.end(), [&] { return normal(rng) * scale; });
        if (shape.kv_type == GGML_TYPE_F32) {
            std::memcpy(to, row.data(), row.size() * sizeof(float));
        } else {
            ggml_quantize_chunk(shape.kv_type, row.data(), to, 0, shape.n_head_kv, shape.head_dim, nullptr);
        }
    }

    uint8_t * slot(int64_t i) { return bytes.data() + i * shape.slot_bytes(); }

    // [head_dim] of one head in one slot.
    std::vector<float> values(int64_t i, int32_t head) {
        const uint8_t * from = slot(i) + head * ggml_row_size(shape.kv_type, shape.head_dim);
        std::vector<float> out(shape.head_dim);
        if (shape.kv_type == GGML_TYPE_F32) {
            std::memcpy(out.data(), from, out.size() * sizeof(float));
        } else {
            ggml_get_type_traits(shape.kv_type)->to_float(from, out.data(), shape.head_dim);
        }
        return out;
    }

    AttentionShape       shape;
    std::vector<uint8_t> bytes;
};

double dot(const float * a, const std::vector<float> & b, bool of_sizes) {
    double sum = 0;
    for (size_t i = 0; i < b.size(); ++i) {
        sum += of_sizes ? std::fabs((double) a[i] * b[i]) : (double) a[i] * b[i];
    }
    return sum;
}

bool is_seen(const AttentionShape & s, int32_t pos, int32_t p) {
    if (s.n_swa > 0 && s.swa_type == 1) {
        return pos - p < s.n_swa;
    }
    return s.n_swa <= 0 || s.swa_type != 2 || p >= pos / s.n_swa * s.n_swa;
}

struct Case {
    AttentionShape                 shape;
    std::vector<AttentionSequence> sequences;
    Scales                         scales;
    bool                           has_sinks = false;
};

// A case with its data.
struct Trial {
    Trial(const Case & c, uint32_t seed)
        : shape(c.shape), sequences(c.sequences), rng(seed), k(shape, sequences, c.scales.k, rng), v(shape, sequences, c.scales.v, rng) {
        std::normal_distribution<float> normal(0.0f, 1.0f);
        if (c.has_sinks) {
            sinks.resize(shape.n_head);
            std::generate(sinks.begin(), sinks.end(), [&] { return 2 * normal(rng); });
        }
        int32_t n_rows = 0;
        for (const AttentionSequence & s : sequences) {
            n_rows += s.n_new;
        }
        q.resize((size_t) n_rows * shape.n_head * shape.head_dim);
        std::generate(q.begin(), q.end(), [&] { return normal(rng) * c.scales.q; });
    }

    std::vector<float> run(int n_threads) {
        AttentionStep step(shape, sequences, n_threads);
        return run(step, q.data(), n_threads);
    }

    // The last `n_new` rows of one sequence, starting with `first_row`, computed by themselves.
    std::vector<float> run_alone(size_t s, int32_t n_new, int32_t first_row) {
        AttentionStep step(shape, { { sequences[s].n_tokens, n_new, sequences[s].blocks } }, 1);
        return run(step, q.data() + (size_t) first_row * shape.n_head * shape.head_dim, 1);
    }

    std::vector<float> run(AttentionStep & step, const float * rows, int n_threads) {
        step.scale = scale();
        std::copy_n(rows, step.q.size(), step.q.begin());
        // Two layers in a row: state left by the first must not affect the second.
        for (int layer = 0; layer < 2; ++layer) {
            std::fill(step.out.begin(), step.out.end(), NAN);
            std::vector<std::thread> threads;
            for (int t = 0; t < n_threads; ++t) {
                threads.emplace_back([&, t] {
                    step.run(k.bytes.data(), v.bytes.data(), sinks.empty() ? nullptr : sinks.data(), t, n_threads);
                });
            }
            for (std::thread & t : threads) {
                t.join();
            }
        }
        return step.out;
    }

    float scale() const { return 1.0f / std::sqrt((float) shape.head_dim); }

    AttentionShape                 shape;
    std::vector<AttentionSequence> sequences;
    std::mt19937                   rng;
    Pool                           k, v;
    std::vector<float>             q, sinks;
};

// One row and head: the result, and the tolerance of each number in f32 and in bf16.
struct Expected {
    std::vector<double> out, slack, bf16_slack;
};

// Largest error from rounding q, k, v and the weights to bf16, relative to the result's sum of absolute
// values; `largest` = the largest sum of absolute products in a score. Normalization doubles a weight's
// error.
double bf16_relative(double largest) {
    const double u     = BF16_ROUNDING;
    const double score = (2 * u + u * u) * largest;
    return std::exp(2 * score) * (1 + u) * (1 + 2.01 * u) - 1;
}

Expected reference(Trial & t, const AttentionSequence & sequence, int32_t pos, int32_t head, const float * q) {
    const AttentionShape & s  = t.shape;
    const int32_t          kv = head / (s.n_head / s.n_head_kv);
    std::vector<double>    scores;
    std::vector<int64_t>   slots;
    double largest = 0, largest_value = 0;
    for (int32_t p = 0; p <= pos; ++p) {
        if (!is_seen(s, pos, p)) {
            continue;
        }
        slots.push_back(slot_of(s, sequence, p));
        const std::vector<float> key = t.k.values(slots.back(), kv);
        const double raw = dot(q, key, false) * t.scale();
        scores.push_back(s.softcap > 0 ? s.softcap * std::tanh(raw / s.softcap) : raw);
        largest = std::max(largest, dot(q, key, true) * t.scale());
    }
    double max = *std::max_element(scores.begin(), scores.end());
    if (!t.sinks.empty()) {
        max = std::max(max, (double) t.sinks[head]);
    }
    double sum = t.sinks.empty() ? 0 : std::exp(t.sinks[head] - max);
    const std::vector<double> zeros(s.head_dim);
    Expected e = { zeros, zeros, zeros };
    for (size_t i = 0; i < scores.size(); ++i) {
        const double weight = std::exp(scores[i] - max);
        const std::vector<float> value = t.v.values(slots[i], kv);
        sum += weight;
        for (int32_t c = 0; c < s.head_dim; ++c) {
            e.out[c] += weight * value[c];
            e.slack[c] += weight * std::fabs(value[c]);
            largest_value = std::max(largest_value, (double) std::fabs(value[c]));
        }
    }
    // An error in a score is an error in the logarithm of its weight. Weights that are not normal numbers can
    // be 0.
    const double relative       = 1e-5 + 1e-6 * largest;
    const double coarse   = relative + bf16_relative(std::min(largest, 1e3));
    for (int32_t c = 0; c < s.head_dim; ++c) {
        const double size = e.slack[c] / sum;
        e.out[c] /= sum;
        e.slack[c] = size * relative + 2e-38 * (1 + largest_value);
        // With scores so large that rounding decides between tokens, any mean of values is correct.
        e.bf16_slack[c] = largest > 100 ? 2.01 * largest_value : size * coarse + 2e-38 * (1 + largest_value);
    }
    return e;
}

void check_rows(Trial & t, const std::vector<float> & out) {
    const AttentionShape & s = t.shape;
    const bool is_coarse = is_bf16_set() && s.head_dim % 16 == 0;
    int32_t row = 0;
    for (const AttentionSequence & sequence : t.sequences) {
        for (int32_t pos = sequence.n_tokens - sequence.n_new; pos < sequence.n_tokens; ++pos, ++row) {
            for (int32_t head = 0; head < s.n_head; ++head) {
                const size_t at = ((size_t) row * s.n_head + head) * s.head_dim;
                const Expected e = reference(t, sequence, pos, head, t.q.data() + at);
                const std::vector<double> & slack = is_coarse ? e.bf16_slack : e.slack;
                for (int32_t c = 0; c < s.head_dim; ++c) {
                    const double error = std::fabs(out[at + c] - e.out[c]);
                    n_coarse += error > e.slack[c];
                    if (!(error <= slack[c])) {
                        fault("wrong", s, row, head, out[at + c], e.out[c]);
                    }
                }
            }
        }
    }
}

void check(const Case & c, uint32_t seed) {
    Trial t(c, seed);
    const std::vector<float> out = t.run(1);
    check_rows(t, out);
    const std::vector<float> of_threads = t.run(3);
    if (std::memcmp(out.data(), of_threads.data(), out.size() * sizeof(float)) != 0) {
        fault("the number of threads changes a result", t.shape, 0, 0, 0, 0);
    }
    const size_t row_size = (size_t) t.shape.n_head * t.shape.head_dim;
    int32_t row = 0;
    for (size_t i = 0; i < c.sequences.size(); ++i) {
        const int32_t n_new = c.sequences[i].n_new;
        for (const int32_t n : { n_new, (n_new + 1) / 2, 1 }) { // in one piece, and split at other places
            const int32_t first = row + n_new - n;
            const std::vector<float> alone = t.run_alone(i, n, first);
            if (std::memcmp(out.data() + first * row_size, alone.data(), alone.size() * sizeof(float)) != 0) {
                fault(n == n_new ? "the rest of the batch changes a result" : "the split into chunks changes a result",
                      t.shape, first, 0, 0, 0);
            }
        }
        row += n_new;
    }
}

// Separate blocks for each sequence, scattered, with some gaps between them.
std::vector<AttentionSequence> apart(const std::vector<std::pair<int32_t, int32_t>> & lengths, int32_t block_size) {
    std::vector<AttentionSequence> sequences;
    int32_t n_blocks = 0;
    for (const auto & [n_tokens, n_new] : lengths) {
        n_blocks += (n_tokens + block_size - 1) / block_size;
    }
    std::vector<int32_t> order(n_blocks);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), std::mt19937(n_blocks));
    size_t at = 0;
    for (const auto & [n_tokens, n_new] : lengths) {
        AttentionSequence s = { n_tokens, n_new, {} };
        for (int32_t p = 0; p < n_tokens; p += block_size) {
            s.blocks.push_back(1 + order[at++] * 2);
        }
        sequences.push_back(s);
    }
    return sequences;
}

const ggml_type TYPES[] = { GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_F32, GGML_TYPE_Q8_0 };

void end_group(int before) { std::printf("%s %s\n", group.c_str(), n_faults == before ? "ok" : "wrong"); }

// Row and token counts with all remainders.
void check_remainders(ggml_type type) {
    const int before = n_faults;
    group = std::string("remainders ") + ggml_type_name(type);
    const int32_t head_sizes[] = { 32, 40, 64, 72, 80, 96, 128 };
    uint32_t seed = 1;
    for (const int32_t head_dim : head_sizes) {
        if (head_dim % ggml_blck_size(type) != 0) {
            continue;
        }
        for (int32_t queries = 1; queries <= 5; ++queries) {
            const AttentionShape shape = { head_dim, 2 * queries, 2, type, 16 };
            check({ shape, apart({ { 1, 1 }, { 2 + queries, 2 }, { 63 + queries, 1 }, { 3, 3 } }, 16), {} }, seed++);
        }
    }
    for (int32_t n = 1; n <= 9; ++n) {
        const AttentionShape shape = { 32, 3, 1, type, 16 };
        check({ shape, apart({ { n, n }, { 60 + n, 1 } }, 16), {} }, seed++);
    }
    end_group(before);
}

// Contexts around the ends of partitions; chunks around the size of a tile; blocks that straddle both.
void check_partitions(ggml_type type) {
    const int before = n_faults;
    group = std::string("partitions ") + ggml_type_name(type);
    const AttentionShape shape = { 32, 3, 1, type, 16 };
    uint32_t seed = 100;
    check({ shape, apart({ { 255, 1 }, { 256, 1 }, { 257, 1 }, { 511, 1 }, { 513, 1 }, { 700, 1 } }, 16), {} }, seed++);
    check({ shape, apart({ { 300, 33 }, { 256, 31 }, { 40, 32 } }, 16), {} }, seed++);
    check({ shape, apart({ { 258, 65 } }, 16), {} }, seed++);
    for (const int32_t block_size : { 1, 7, 48 }) {
        AttentionShape straddling = shape;
        straddling.block_size     = block_size;
        check({ straddling, apart({ { 530, 2 }, { 257, 1 } }, block_size), {} }, seed++);
    }
    end_group(before);
}

// Sequences with the same first blocks, which are computed together with the same results as separately.
void check_shared(ggml_type type) {
    const int before = n_faults;
    group = std::string("shared prefixes ") + ggml_type_name(type);
    uint32_t seed = 200;
    for (const int32_t n_shared : { 256, 512, 528 }) {
        const AttentionShape shape = { 32, 6, 2, type, 16 };
        std::vector<std::pair<int32_t, int32_t>> lengths;
        for (int32_t i = 0; i < 6; ++i) {
            lengths.push_back({ n_shared + 1 + 3 * i, 1 });
        }
        lengths.push_back({ 300, 2 });
        std::vector<AttentionSequence> sequences = apart(lengths, 16);
        for (size_t i = 1; i < 6; ++i) {
            std::copy_n(sequences[0].blocks.begin(), n_shared / 16, sequences[i].blocks.begin());
        }
        check({ shape, sequences, {} }, seed++);
    }
    // Contexts that are fully shared, including the computed token, by themselves and together with longer
    // contexts.
    for (const int32_t n_longer : { 0, 2 }) {
        std::vector<std::pair<int32_t, int32_t>> lengths(4, { 256, 1 });
        lengths.insert(lengths.end(), n_longer, { 300, 1 });
        std::vector<AttentionSequence> sequences = apart(lengths, 16);
        for (size_t i = 1; i < sequences.size(); ++i) {
            std::copy_n(sequences[0].blocks.begin(), 256 / 16, sequences[i].blocks.begin());
        }
        check({ { 32, 6, 2, type, 16 }, sequences, {} }, seed++);
    }
    end_group(before);
}

// Windows, soft caps and sinks, across partitions.
void check_kinds(ggml_type type) {
    const int before = n_faults;
    group = std::string("windows, caps, sinks ") + ggml_type_name(type);
    uint32_t seed = 300;
    for (const int32_t n_swa : { 1, 20, 64, 300 }) {
        for (const int32_t swa_type : { 1, 2 }) {
            AttentionShape shape = { 32, 3, 1, type, 16 };
            shape.n_swa    = n_swa;
            shape.swa_type = swa_type;
            check({ shape, apart({ { 600, 1 }, { 290, 34 }, { 5, 5 } }, 16), {} }, seed++);
        }
    }
    AttentionShape capped = { 32, 3, 1, type, 16 };
    capped.softcap = 5.0f;
    check({ capped, apart({ { 270, 1 }, { 37, 5 } }, 16), { 3, 3, 1 } }, seed++);
    check({ { 32, 4, 2, type, 16 }, apart({ { 270, 1 }, { 37, 5 }, { 600, 2 } }, 16), {}, true }, seed++);
    end_group(before);
}

// Zeros, subnormal values, and values so large that weights are 0 or 1.
void check_extremes(ggml_type type) {
    const int before = n_faults;
    group = std::string("extremes ") + ggml_type_name(type);
    uint32_t seed = 400;
    const float most = type == GGML_TYPE_F16 ? 1e4f : 1e6f;
    for (const float q : { 0.0f, 1e-40f, 1e-3f, 100.0f }) {
        for (const float kv : { 0.0f, 1e-41f, 1e-6f, most }) {
            const AttentionShape shape = { 64, 3, 1, type, 16 };
            check({ shape, apart({ { 270, 1 }, { 9, 4 } }, 16), { q, kv, kv } }, seed++);
        }
    }
    end_group(before);
}

// Chunks: row counts with all remainders of vectors and strips, usual head sizes and groups, across
// partitions; the same with windows, caps and sinks; extreme values.
void check_chunks(ggml_type type) {
    const int before = n_faults;
    group = std::string("chunks ") + ggml_type_name(type);
    uint32_t seed = 500;
    for (const int32_t n_new : { 5, 6, 11, 15, 16, 17, 21, 22, 27, 32, 33, 38 }) {
        check({ { 64, 3, 1, type, 16 }, apart({ { 70 + n_new, n_new } }, 16), {} }, seed++);
    }
    // The last row of a strip attends to one token of a span, the first.
    check({ { 64, 3, 1, type, 16 }, apart({ { 65, 22 } }, 16), {} }, seed++);
    for (const int32_t head_dim : { 64, 80, 128, 256 }) {
        if (head_dim % ggml_blck_size(type) != 0) {
            continue;
        }
        for (const int32_t queries : { 1, 2, 4, 5, 8 }) {
            check({ { head_dim, queries, 1, type, 16 }, apart({ { 67, 18 }, { 2, 1 } }, 16), {} }, seed++);
        }
        check({ { head_dim, 4, 2, type, 16 }, apart({ { 275, 35 } }, 7), {} }, seed++);
    }
    for (const int32_t swa_type : { 1, 2 }) {
        for (const int32_t n_swa : { 3, 64, 100 }) {
            check({ { 64, 2, 1, type, 16, 0.0f, n_swa, swa_type }, apart({ { 300, 70 } }, 16), {}, true }, seed++);
        }
    }
    check({ { 64, 2, 1, type, 16, 5.0f }, apart({ { 90, 20 } }, 16), { 2, 2, 1 } }, seed++);
    for (const float q : { 0.0f, 1e-40f, 1e-3f, 100.0f }) {
        for (const float kv : { 0.0f, 1e-41f, 1e-6f, 1e4f }) {
            check({ { 64, 3, 1, type, 16 }, apart({ { 66, 7 } }, 16), { q, kv, kv } }, seed++);
        }
    }
    end_group(before);
}

// True if check() aborts the process.
bool is_refused(AttentionPlan & plan) {
    std::fflush(stdout); // otherwise, the child would print it, too
    const pid_t child = fork();
    if (child == 0) {
        setenv("GGML_NO_BACKTRACE", "1", 1);
        std::freopen("/dev/null", "w", stderr);
        plan.check();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

// Violations of the op's assumptions are detected.
void check_broken_plans() {
    const int before = n_faults;
    group = "broken plans";
    const AttentionShape shape = { 32, 6, 2, GGML_TYPE_F16, 16 };
    std::vector<AttentionSequence> sequences = apart({ { 600, 1 }, { 601, 1 }, { 602, 1 }, { 603, 1 }, { 900, 40 } }, 16);
    for (size_t i = 1; i < 4; ++i) {
        std::copy_n(sequences[0].blocks.begin(), 512 / 16, sequences[i].blocks.begin());
    }
    using Break = void (*)(AttentionPlan &);
    const std::pair<const char *, Break> breaks[] = {
        { "a partition in no task", [](AttentionPlan & p) { p.tasks.pop_back(); } },
        { "a partition in two tasks", [](AttentionPlan & p) { p.tasks.push_back(p.tasks.back()); } },
        { "a task without a partition", [](AttentionPlan & p) { p.tasks.back().part_begin = p.tasks.back().part_end; } },
        { "partitions out of order", [](AttentionPlan & p) { std::swap(p.tasks[0], p.tasks[1]); } },
        { "a tile that waits for one task too many", [](AttentionPlan & p) { p.tiles[0].n_tasks += 1; } },
        { "a tile that waits for one task too few", [](AttentionPlan & p) { p.tiles[0].n_tasks -= 1; } },
        { "a member that is not a tile", [](AttentionPlan & p) { p.members[0] = (int32_t) p.tiles.size(); } },
        { "members beyond the last", [](AttentionPlan & p) { p.tasks.back().n_members = (int32_t) p.members.size(); } },
        { "a prefix shared with a chunk", [](AttentionPlan & p) { p.tiles[0].n_tokens = 2; } },
        { "a tile without its own task", [](AttentionPlan & p) { p.tiles[0].n_shared = p.tiles[0].n_parts; } },
        { "overlapping partials", [](AttentionPlan & p) { p.tiles[1].first_partial = p.tiles[0].first_partial; } },
    };
    AttentionStep step(shape, sequences, 3);
    if (is_refused(step.plan)) {
        fault("a complete plan is refused", shape, 0, 0, 0, 0);
    }
    for (const auto & [what, break_plan] : breaks) {
        AttentionStep broken(shape, sequences, 3);
        break_plan(broken.plan);
        if (!is_refused(broken.plan)) {
            fault(what, shape, 0, 0, 0, 0);
        }
    }
    end_group(before);
}

} // namespace

int main() {
    std::printf("%s\n", attention_kernel_name());
    for (const ggml_type type : TYPES) {
        check_remainders(type);
        check_partitions(type);
        check_shared(type);
        check_kinds(type);
        check_extremes(type);
        check_chunks(type);
    }
    check_broken_plans();
    if ((n_coarse > 0) != is_bf16_set()) {
        std::printf("%d numbers are as coarse as bf16\n", n_coarse);
        return 1;
    }
    return n_faults == 0 ? 0 : 1;
}
