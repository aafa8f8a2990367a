// Attention implementations, one object each. To support another device, add a file with such an object and list
// the object in backend.cpp. The functions are stateless; the step's thread calls them.
#pragma once

#include "attention/plan.h"

#include "ggml.h"

#include <string>
#include <vector>

namespace pagoda {

struct AttentionBackend {
    // Value of LoadModelOptions.attentionBackend in src/runner/addon-types.ts.
    const char * name;

    // Called once per step, after the plan's arrays are set.
    void (*prepare)(AttentionPlan & plan, int32_t n_threads);

    // Computes a layer, see llama_placement::attention. Null = llama.cpp computes flash attention with a mask that
    // it builds from the block tables; it also does so for layers that the op cannot compute.
    void (*op)(ggml_tensor * dst, int ith, int nth, void * layer);

    // Copies K and V of whole blocks within each tensor. `copies` are (source, destination) pairs, processed in order.
    void (*copy_blocks)(const std::vector<ggml_tensor *> & kv_tensors, int32_t block_size, const std::vector<int32_t> & copies);

    // Types that K and V can have, fastest first.
    std::vector<ggml_type> kv_types;
};

// Reads K and V through the block tables, on the CPU.
const AttentionBackend & paged_attention();

// ggml's flash attention over the whole pool, on any device.
const AttentionBackend & masked_attention();

// Returns the backend of this name, or null.
const AttentionBackend * attention_backend(const std::string & name);

// Implements copy_blocks for tensors that ggml can read and write. Copies through host memory if they are on a
// device.
void copy_blocks_by_host(const std::vector<ggml_tensor *> & kv_tensors, int32_t block_size, const std::vector<int32_t> & copies);

} // namespace pagoda
