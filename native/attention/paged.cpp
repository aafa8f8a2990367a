// The backend whose op reads K and V through the block tables, following a plan made once per step.

#include "attention/backend.h"
#include "attention/op.h"
#include "attention/select.h"

#include <algorithm>

namespace pagoda {

namespace {

std::vector<ggml_type> types_by_speed() {
    std::vector<ggml_type> types = { GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_F32, GGML_TYPE_Q8_0 };
    const auto fastest = std::find(types.begin(), types.end(), attention_cache_type());
    std::rotate(types.begin(), fastest, fastest + 1);
    return types;
}

} // namespace

const AttentionBackend & paged_attention() {
    static const AttentionBackend backend = {
        "paged",
        [](AttentionPlan & plan, int32_t n_threads) { plan.prepare(n_threads); },
        paged_attention_op,
        copy_blocks_by_host,
        types_by_speed(),
    };
    return backend;
}

} // namespace pagoda
