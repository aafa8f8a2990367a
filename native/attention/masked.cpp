// The backend that leaves attention to ggml, which masks the slots of the pool that a token must not see.

#include "attention/backend.h"

namespace pagoda {

const AttentionBackend & masked_attention() {
    static const AttentionBackend backend = {
        "ggml",
        [](AttentionPlan &, int32_t) {}, // llama.cpp builds the mask
        nullptr,
        copy_blocks_by_host,
        { GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_F32, GGML_TYPE_Q8_0 },
    };
    return backend;
}

} // namespace pagoda
