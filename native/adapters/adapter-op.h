// Two ops that add an adapter's part to each row of a product, in place. The first computes A x for the rows of each
// adapter, and the second adds scale * B times the result. Threads share only the ops' tensors, so a step's threads can
// run them concurrently with neighboring nodes. A row's result does not depend on the other rows or the number of
// threads.
#pragma once

struct ggml_context;
struct ggml_tensor;

namespace pagoda {

struct AdapterSite;

// Returns the changed product. x: the rows that are multiplied, or the tokens of an embedding table (int32).
ggml_tensor * build_adapter_ops(ggml_context * ctx, AdapterSite & site, ggml_tensor * x, ggml_tensor * res);

} // namespace pagoda
