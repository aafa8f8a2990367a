// The slots for adapters, the weights of the model that adapters can change, and a step's rows by slot. Once an
// adapter has changed a weight, the weight's product gets ops (adapters/adapter-op.h) in the graph of every step in
// which a row has an adapter. The graphs of other steps have no such ops. Ops are never removed again, because ggml
// would then mistake a graph with the same number of different nodes for the graph whose memory it has planned.
//
// Everything is used by the thread that runs steps, or between steps. Only find() can be called by any thread, once a
// forward pass has been created.
#pragma once

#include "adapters/adapter.h"

#include "ggml.h"
#include "llama.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace pagoda {

class AdapterTable;

// A model weight, [n_in, n_out].
struct AdapterSite {
    AdapterTable * table;
    int64_t        n_in, n_out;
    std::string    refusal;              // reason that adapters cannot change it; empty = they can
    bool           is_used      = false; // graphs use it in a product that adapt() is called for
    int32_t        order        = 0;     // order of its first use in a graph
    bool           is_embedding = false; // its columns, one for each token, are read as rows

    std::vector<const AdapterWeight *> by_slot;           // null = the slot's adapter does not change it
    bool                               has_ops   = false; // in steps with adapters, since an adapter has changed it
};

// Rows of a step that have an adapter, by slot.
struct AdapterRows {
    struct Group {
        int32_t slot;
        int32_t first; // rows[first, first + n_rows)
        int32_t n_rows;
    };

    std::vector<Group>   groups;
    std::vector<int32_t> rows;

    // slots: each row's slot; -1 = none.
    void assign(const std::vector<int32_t> & slots, size_t n_slots);
};

class AdapterTable {
public:
    // Adapters with ranks up to max_rank. `tensors` are all tensors of the model.
    AdapterTable(int32_t n_slots, int32_t max_rank, const std::vector<const ggml_tensor *> & tensors);

    AdapterTable(const AdapterTable &)             = delete;
    AdapterTable & operator=(const AdapterTable &) = delete;

    int32_t num_slots() const { return (int32_t) slots.size(); }
    int32_t max_rank() const { return rank_limit; }

    // Returns a weight by its name in GGUF files, or null.
    AdapterSite * find(const std::string & name);

    // Makes graphs with this placement use the table. If there are no slots, leaves them unchanged.
    void attach(llama_placement & placement);

    // Must enclose the creation of a context, which reserves memory for its largest graphs. These graphs get ops at
    // every weight that can have them. The first call records which weights those are.
    void begin_reserve();
    void end_reserve();

    // Puts an adapter into a slot; null = empties it. Returns the previous one.
    std::shared_ptr<const Adapter> install(int32_t slot, std::shared_ptr<const Adapter> adapter);

    // Throws Error "invalid_argument" for a slot that is not in [-1, num_slots()) or empty.
    void check(const std::vector<int32_t> & token_slots) const;

    // Sets the rows of a step. Returns the number of weights with ops in its graph, which determines the graph.
    // output_rows: the tokens that have logits, ascending.
    int64_t begin_step(const std::vector<int32_t> & token_slots, const std::vector<int32_t> & output_rows);

    // The rows of a tensor with n_rows rows: the step's tokens, or its outputs.
    const AdapterRows & rows_of(int64_t n_rows) const {
        GGML_ASSERT(n_rows == n_tokens || n_rows == (int64_t) output_slots.size());
        return n_rows == n_tokens ? token_rows : output_rows;
    }

private:
    static ggml_tensor * adapt(const llama_placement * placement, ggml_context * ctx, ggml_tensor * w, ggml_tensor * x,
                               ggml_tensor * res, int64_t n_tokens, int64_t n_outputs);
    // Returns the weight if its product gets ops in this graph, otherwise null.
    AdapterSite * site_of(const ggml_tensor * w, const ggml_tensor * x, const ggml_tensor * res, int64_t n_tokens, int64_t n_outputs);
    void          note(AdapterSite & site, const ggml_tensor * w, bool is_embedding, bool fits);

    int32_t                            rank_limit;
    std::map<std::string, AdapterSite> sites;
    bool                               is_reserving = false;
    bool                               is_noted     = false; // the weights that can have ops are known
    int32_t                            n_noted      = 0;

    std::vector<std::shared_ptr<const Adapter>> slots;
    int64_t                                     n_with_ops = 0; // number of weights with ops

    bool                 is_used  = false; // a row of the step has an adapter
    int64_t              n_tokens = 0;
    AdapterRows          token_rows, output_rows;
    std::vector<int32_t> output_slots;
};

} // namespace pagoda
