// Splits a step into tasks. Long contexts are split into pieces if there is too little other work for all threads.
// Leading partitions that sequences share are computed in one task for all of these sequences (cascade attention).

#include "attention/plan.h"

#include <algorithm>

namespace pagoda {

namespace {

// With a group of 3 heads, a tile has 96 rows: widening K and V is then 2% of the work. A larger tile would compute
// more scores above the diagonal, which are masked.
constexpr int32_t TILE_TOKENS = 32;

// With fewer sequences, reading a prefix once saves less than its partials cost.
constexpr int32_t MIN_SHARERS = 4;

// Number of pieces per thread. A thread that loses its core makes the others wait for only one piece.
constexpr int32_t PIECES_PER_THREAD = 8;

} // namespace

void AttentionPlan::prepare(int32_t n_threads) {
    tiles.clear();
    members.clear();
    tasks.clear();
    make_tiles();
    share_prefixes();
    make_own_tasks(n_threads);
    number_partials();
    check();
    if (n_counters < tiles.size()) {
        n_counters = std::max(tiles.size(), 2 * n_counters);
        n_done.reset(new std::atomic<int32_t>[n_counters]());
    }
}

float * AttentionPlan::partials(size_t floats) {
    std::lock_guard<std::mutex> lock(partial_mutex);
    if (partial_buffer.size() < n_partials * floats) {
        partial_buffer.resize(n_partials * floats);
    }
    return partial_buffer.data();
}

void AttentionPlan::make_tiles() {
    for (int32_t s = 0; s < n_seqs; ++s) {
        for (int32_t t = query_start[s]; t < query_start[s + 1]; t += TILE_TOKENS) {
            const int32_t n = std::min(TILE_TOKENS, query_start[s + 1] - t);
            tiles.push_back({ s, t, n, positions[t + n - 1] / PARTITION_TOKENS + 1, 0, 0, -1 });
        }
    }
}

// Shares only full partitions, among sequences that decode one token. A sequence's last partition is never shared,
// so each sequence has at least one task of its own.
void AttentionPlan::share_prefixes() {
    sharers.clear();
    for (size_t i = 0; i < tiles.size(); ++i) {
        if (tiles[i].n_tokens == 1) {
            sharers.push_back((int32_t) i);
        }
    }
    share_part(0, (int32_t) sharers.size(), 0);
}

// The sequences in sharers[begin, end) have the same blocks before `part`. Shares `part` among those that also have
// the same blocks in it, then continues with them.
void AttentionPlan::share_part(int32_t begin, int32_t end, int32_t part) {
    const auto first = sharers.begin() + begin;
    end = (int32_t) (std::partition(first, sharers.begin() + end, [&](int32_t i) {
        return positions[tiles[i].token0] >= (part + 1) * PARTITION_TOKENS;
    }) - sharers.begin());
    if (end - begin < MIN_SHARERS) {
        return;
    }
    const int32_t n = num_part_blocks(part);
    std::sort(first, sharers.begin() + end, [&](int32_t a, int32_t b) {
        const int32_t * x = part_blocks(a, part);
        const int32_t * y = part_blocks(b, part);
        const auto at = std::mismatch(x, x + n, y);
        return at.first == x + n ? a < b : *at.first < *at.second;
    });
    for (int32_t run = begin; run < end;) {
        const int32_t * blocks = part_blocks(sharers[run], part);
        int32_t run_end = run + 1;
        while (run_end < end && std::equal(blocks, blocks + n, part_blocks(sharers[run_end], part))) {
            ++run_end;
        }
        if (run_end - run >= MIN_SHARERS) {
            share_run(run, run_end, part);
            share_part(run, run_end, part + 1);
        }
        run = run_end;
    }
}

void AttentionPlan::share_run(int32_t begin, int32_t end, int32_t part) {
    for (int32_t i = begin; i < end; i += TILE_TOKENS) {
        const int32_t n = std::min(TILE_TOKENS, end - i);
        tasks.push_back({ (int32_t) members.size(), n, part, part + 1 });
        for (int32_t k = i; k < i + n; ++k) {
            members.push_back(sharers[k]);
            tiles[sharers[k]].n_shared = part + 1;
            tiles[sharers[k]].n_tasks += 1;
        }
    }
}

// Makes tasks from the partitions that are not shared: one per tile, or several if one task would be too large.
void AttentionPlan::make_own_tasks(int32_t n_threads) {
    int64_t total = 0;
    for (const AttentionTile & tile : tiles) {
        total += (int64_t) tile.n_tokens * (tile.n_parts - tile.n_shared);
    }
    const int64_t most = n_threads > 1 ? std::max<int64_t>(1, total / (PIECES_PER_THREAD * n_threads)) : total;
    for (size_t i = 0; i < tiles.size(); ++i) {
        AttentionTile & tile = tiles[i];
        const int32_t n_own    = tile.n_parts - tile.n_shared;
        const int32_t n_pieces = (int32_t) std::min<int64_t>(n_own, (tile.n_tokens * n_own + most - 1) / most);
        for (int32_t piece = 0; piece < n_pieces; ++piece) {
            tasks.push_back({ (int32_t) members.size(), 1, tile.n_shared + n_own * piece / n_pieces,
                              tile.n_shared + n_own * (piece + 1) / n_pieces });
        }
        members.push_back((int32_t) i);
        tile.n_tasks += n_pieces;
    }
}

void AttentionPlan::number_partials() {
    n_partials = 0;
    for (AttentionTile & tile : tiles) {
        if (tile.n_tasks > 1) {
            tile.first_partial = n_partials;
            n_partials += (int64_t) tile.n_tokens * tile.n_parts;
        }
    }
}

void AttentionPlan::check() {
    check_tasks();
    check_partials();
}

void AttentionPlan::check_tasks() {
    named.assign(tiles.size(), { 0, 0 });
    for (const AttentionTask & task : tasks) {
        GGML_ASSERT(task.n_members >= 1 && task.first_member >= 0 && task.part_begin < task.part_end);
        GGML_ASSERT((size_t) task.first_member + task.n_members <= members.size());
        for (int32_t i = task.first_member; i < task.first_member + task.n_members; ++i) {
            GGML_ASSERT((size_t) members[i] < tiles.size());
            const AttentionTile & tile = tiles[members[i]];
            GGML_ASSERT(task.n_members == 1 || (tile.n_tokens == 1 && task.part_end <= tile.n_shared));
            GGML_ASSERT(tile.n_tasks > 1 || task.n_members == 1);
            Named & seen = named[members[i]];
            GGML_ASSERT(task.part_begin == seen.n_parts);
            seen = { task.part_end, seen.n_tasks + 1 };
        }
    }
    for (size_t i = 0; i < tiles.size(); ++i) {
        GGML_ASSERT(tiles[i].n_shared < tiles[i].n_parts);
        GGML_ASSERT(named[i].n_parts == tiles[i].n_parts && named[i].n_tasks == tiles[i].n_tasks);
    }
}

void AttentionPlan::check_partials() const {
    int64_t n_numbered = 0;
    for (const AttentionTile & tile : tiles) {
        GGML_ASSERT(tile.first_partial == (tile.n_tasks > 1 ? n_numbered : -1));
        n_numbered += tile.n_tasks > 1 ? (int64_t) tile.n_tokens * tile.n_parts : 0;
    }
    GGML_ASSERT(n_numbered == n_partials);
}

const int32_t * AttentionPlan::part_blocks(int32_t tile, int32_t part) const {
    return blocks_of(tiles[tile]) + part * PARTITION_TOKENS / block_size;
}

// Number of blocks that hold tokens of a partition. The first and the last can also hold tokens of its neighbors.
int32_t AttentionPlan::num_part_blocks(int32_t part) const {
    return ((part + 1) * PARTITION_TOKENS - 1) / block_size + 1 - part * PARTITION_TOKENS / block_size;
}

} // namespace pagoda
