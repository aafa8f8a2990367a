// A buffer type for the weights of Pagoda's matrix kernels; llama.cpp's loader offers it each matrix.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pagoda {

// Registers the type with ggml. Call it once, before a model is loaded; does nothing if no kernels support the CPU.
void register_packed_buffer();

// True if there are kernels for this CPU.
bool packs_weights();

// Number of 32-column blocks in the widest matrix packed so far, of any model; 0 = none.
int64_t widest_packed_blocks();

// Returns a set's name, such as "avx512vnni", or "ggml" if ggml's kernels are used.
const char * weight_kernel_name();

// Returns the quantized types without kernels that the loader has offered since the last call, without duplicates.
std::vector<std::string> take_unpacked_types();

} // namespace pagoda
