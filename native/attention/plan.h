// A step's work, split into tasks that any thread can take. The plan is made once per step from the block tables
// and is the same for every layer. How the work is split affects which thread computes a partition, but never the
// result.
#pragma once

#include "attention/kernel-call.h"

#include "llama.h"

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace pagoda {

// Query tokens of one sequence that are computed together, so that K and V are read once for all of them.
struct AttentionTile {
    int32_t seq;
    int32_t token0;        // tokens [token0, token0 + n_tokens) of the step
    int32_t n_tokens;
    int32_t n_parts;       // partitions up to the last token's position
    int32_t n_shared;      // leading partitions that are computed together with other sequences
    int32_t n_tasks;       // each covers every K/V head; a tile with one task keeps no partials
    int64_t first_partial; // the partial of (token, part) is first_partial + token * n_parts + part
};

// Partitions [part_begin, part_end) for the rows of some tiles, whose sequences have the same blocks there.
struct AttentionTask {
    int32_t first_member; // tiles are members[first_member, first_member + n_members)
    int32_t n_members;
    int32_t part_begin;
    int32_t part_end;
};

class AttentionPlan : public llama_placement {
public:
    AttentionPlan() : llama_placement{} {}

    // Must be called after a step's arrays are set.
    void prepare(int32_t n_threads);

    // Asserts the op's assumptions; part of prepare(). Each partition of a tile is in exactly one task, and a
    // tile's tasks list its partitions in ascending order. n_tasks is the number of tasks that contain the tile;
    // the last of them to finish folds the tile. A tile with one task keeps no partials and does not share the
    // task; partials of other tiles do not overlap. Tasks for several tiles have one token of each tile and none of
    // their last partitions, so each tile has its own task.
    void check();

    // Returns space for the step's partials of `floats` each. The buffer grows in the first layer that needs more.
    float * partials(size_t floats);

    int32_t last_position(const AttentionTile & tile) const { return positions[tile.token0 + tile.n_tokens - 1]; }
    const int32_t * blocks_of(const AttentionTile & tile) const { return block_ids + block_start[tile.seq]; }

    std::vector<AttentionTile> tiles;
    std::vector<int32_t>       members; // indices of tiles
    std::vector<AttentionTask> tasks;

    // Shared by the threads of one layer. The last thread to leave a layer, or to finish a tile, resets them for
    // the next layer. This is safe, since ggml has a barrier between two nodes of a graph.
    std::atomic<int64_t>                    next_ticket{ 0 };
    std::atomic<int32_t>                    n_left{ 0 };
    std::unique_ptr<std::atomic<int32_t>[]> n_done; // [tiles] number of a tile's tasks that have finished

private:
    void make_tiles();
    void share_prefixes();
    void share_part(int32_t begin, int32_t end, int32_t part);
    void share_run(int32_t begin, int32_t end, int32_t part);
    void make_own_tasks(int32_t n_threads);
    void number_partials();
    void check_tasks();
    void check_partials() const;

    const int32_t * part_blocks(int32_t tile, int32_t part) const;
    int32_t         num_part_blocks(int32_t part) const;

    struct Named {
        int32_t n_parts, n_tasks;
    };

    std::vector<int32_t> sharers; // tiles of one token, ordered by their leading blocks
    std::vector<Named>   named;   // [tiles] partitions and tasks that check() has seen so far
    std::vector<float>   partial_buffer;
    std::mutex           partial_mutex;
    int64_t              n_partials = 0;
    size_t               n_counters = 0;
};

} // namespace pagoda
