// A buffer type for weights that Pagoda's matrix kernels multiply. llama.cpp's loader offers it every matrix.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pagoda {

// Registers the type with ggml. Call it once, before loading a model. Does nothing if no kernels support the CPU.
void register_packed_buffer();

// True if there are kernels for this CPU.
bool packs_weights();

// Number of 32-column blocks in the widest matrix packed so far, across all models; 0 = none.
int64_t widest_packed_blocks();

// Returns the name of the kernel set in use, such as "avx512vnni", or "ggml" for ggml's own kernels.
const char * weight_kernel_name();

// Returns the distinct quantized types that the loader has offered since the last call but that have no kernels.
std::vector<std::string> take_unpacked_types();

} // namespace pagoda
