// Weights are found by name, since a model that is loaded again after sleep has new tensors.

#include "adapters/adapter-table.h"

#include "adapters/adapter-op.h"
#include "error-codes.h"

#include "ggml-backend.h"

#include <utility>

namespace pagoda {

namespace {

constexpr const char * NOT_DENSE = "only the weights of dense matrix products can be adapted";
constexpr const char * TIED      = "the model's head is tied to its embeddings, so they cannot be adapted";

bool is_on_device(const ggml_tensor * w) {
    const ggml_backend_dev_t device = w->buffer ? ggml_backend_buft_get_device(ggml_backend_buffer_get_type(w->buffer)) : nullptr;
    return device && ggml_backend_dev_type(device) != GGML_BACKEND_DEVICE_TYPE_CPU;
}

// Returns "" for a weight that can be adapted if its product is dense.
std::string refusal_of(const ggml_tensor * w) {
    if (ggml_n_dims(w) > 2) {
        return "weights of experts cannot be adapted";
    }
    if (w->type == GGML_TYPE_NVFP4) {
        return "NVFP4 weights cannot be adapted";
    }
    return is_on_device(w) ? "weights on a GPU cannot be adapted" : "";
}

bool has_rows(const ggml_tensor * t, int64_t width) { return t->type == GGML_TYPE_F32 && t->nb[0] == sizeof(float) && t->ne[0] == width; }

} // namespace

void AdapterRows::assign(const std::vector<int32_t> & slots, size_t n_slots) {
    std::vector<int32_t> next(n_slots, 0); // number of a slot's rows, then the place of its next row
    for (int32_t slot : slots) {
        if (slot >= 0) {
            next[slot]++;
        }
    }
    groups.clear();
    int32_t first = 0;
    for (size_t slot = 0; slot < n_slots; ++slot) {
        const int32_t n_rows = next[slot];
        if (n_rows > 0) {
            groups.push_back({ (int32_t) slot, first, n_rows });
        }
        next[slot] = first;
        first += n_rows;
    }
    rows.resize(first);
    for (size_t row = 0; row < slots.size(); ++row) {
        if (slots[row] >= 0) {
            rows[next[slots[row]]++] = (int32_t) row;
        }
    }
}

AdapterTable::AdapterTable(int32_t n_slots, int32_t max_rank, const std::vector<const ggml_tensor *> & tensors)
    : rank_limit(max_rank), slots(n_slots) {
    for (const ggml_tensor * w : tensors) {
        AdapterSite & site = sites[w->name];
        site.table   = this;
        site.n_in    = w->ne[0];
        site.n_out   = w->ne[1];
        site.refusal = refusal_of(w).empty() ? NOT_DENSE : refusal_of(w);
        site.by_slot.resize(n_slots);
    }
}

AdapterSite * AdapterTable::find(const std::string & name) {
    const auto found = sites.find(name);
    return found == sites.end() ? nullptr : &found->second;
}

void AdapterTable::attach(llama_placement & placement) {
    if (num_slots() > 0) {
        placement.adapt    = adapt;
        placement.adapters = this;
    }
}

void AdapterTable::begin_reserve() { is_reserving = true; }

void AdapterTable::end_reserve() {
    is_reserving = false;
    is_noted     = true;
}

std::shared_ptr<const Adapter> AdapterTable::install(int32_t slot, std::shared_ptr<const Adapter> adapter) {
    if (slots[slot]) {
        for (const Adapter::Part & part : slots[slot]->parts) {
            part.site->by_slot[slot] = nullptr;
        }
    }
    if (adapter) {
        for (const Adapter::Part & part : adapter->parts) {
            part.site->by_slot[slot] = &part.weight;
            n_with_ops += !std::exchange(part.site->has_ops, true);
        }
    }
    return std::exchange(slots[slot], std::move(adapter));
}

void AdapterTable::check(const std::vector<int32_t> & token_slots) const {
    for (size_t i = 0; i < token_slots.size(); ++i) {
        const int32_t slot = token_slots[i];
        const bool is_valid = slot == -1 || (slot >= 0 && slot < num_slots() && slots[slot]);
        if (!is_valid) {
            throw Error("invalid_argument", "adapterSlots[" + std::to_string(i) + "]: no adapter in this slot");
        }
    }
}

int64_t AdapterTable::begin_step(const std::vector<int32_t> & token_slots, const std::vector<int32_t> & outputs) {
    output_slots.clear();
    for (int32_t row : outputs) {
        output_slots.push_back(token_slots[row]);
    }
    n_tokens = (int64_t) token_slots.size();
    token_rows.assign(token_slots, slots.size());
    output_rows.assign(output_slots, slots.size());
    is_used = !token_rows.groups.empty();
    return is_used ? n_with_ops : 0;
}

void AdapterTable::note(AdapterSite & site, const ggml_tensor * w, bool is_embedding, bool fits) {
    if (is_noted) {
        return;
    }
    if (!site.is_used) {
        site.is_used      = true;
        site.is_embedding = is_embedding;
        site.refusal      = refusal_of(w);
        site.order        = n_noted++;
    }
    if (!fits) {
        site.refusal = NOT_DENSE;
    }
    if (site.is_embedding != is_embedding) {
        site.refusal = TIED;
    }
}

AdapterSite * AdapterTable::site_of(const ggml_tensor * w, const ggml_tensor * x, const ggml_tensor * res, int64_t n_tokens,
                                    int64_t n_outputs) {
    AdapterSite * site = find(w->name);
    if (!site) {
        return nullptr;
    }
    const bool    is_embedding = x->type == GGML_TYPE_I32;
    const int64_t n_rows       = ggml_nrows(res);
    const bool    is_by_row    = n_rows == n_tokens || n_rows == n_outputs;
    const bool    is_taken     = is_embedding ? ggml_nelements(x) == n_rows : has_rows(x, w->ne[0]) && ggml_nrows(x) == n_rows;
    const bool    fits         = is_by_row && is_taken && has_rows(res, is_embedding ? w->ne[0] : w->ne[1]);
    if (is_reserving) {
        note(*site, w, is_embedding, fits);
    }
    const bool has_ops = site->refusal.empty() && (is_reserving || (is_used && site->has_ops));
    GGML_ASSERT(fits || !has_ops);
    return has_ops ? site : nullptr;
}

ggml_tensor * AdapterTable::adapt(const llama_placement * placement, ggml_context * ctx, ggml_tensor * w, ggml_tensor * x,
                                  ggml_tensor * res, int64_t n_tokens, int64_t n_outputs) {
    auto & table = *static_cast<AdapterTable *>(placement->adapters);
    AdapterSite * site = table.site_of(w, x, res, n_tokens, n_outputs);
    return site ? build_adapter_ops(ctx, *site, x, res) : res;
}

} // namespace pagoda
