// The table of backends and the code that they share.

#include "attention/backend.h"

#include "ggml-backend.h"

#include <cstring>

namespace pagoda {

const AttentionBackend * attention_backend(const std::string & name) {
    for (const AttentionBackend * backend : { &paged_attention(), &masked_attention() }) {
        if (name == backend->name) {
            return backend;
        }
    }
    return nullptr;
}

void copy_blocks_by_host(const std::vector<ggml_tensor *> & kv_tensors, int32_t block_size, const std::vector<int32_t> & copies) {
    std::vector<char> block;
    for (size_t i = 0; i + 1 < copies.size(); i += 2) {
        for (ggml_tensor * t : kv_tensors) {
            const size_t size = t->nb[1] * block_size;
            const size_t from = size * copies[i], to = size * copies[i + 1];
            if (ggml_backend_buffer_is_host(t->buffer)) {
                std::memmove((char *) t->data + to, (char *) t->data + from, size);
                continue;
            }
            block.resize(size);
            ggml_backend_tensor_get(t, block.data(), from, size);
            ggml_backend_tensor_set(t, block.data(), to, size);
        }
    }
}

} // namespace pagoda
