// Weights that our matrix kernels compute with: a buffer type that llama.cpp's loader offers each matrix.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pagoda {

// Makes the type known to ggml. Once, before a model is loaded; nothing where no kernels fit the CPU.
void register_packed_buffer();

// Whether there are kernels for this CPU.
bool packs_weights();

// Blocks of 32 columns of the widest matrix packed so far, of any model; 0 = none.
int64_t widest_packed_blocks();

// "avx512vnni" and the like, "ggml" where its kernels serve.
const char * weight_kernel_name();

// Quantised types of matrices for which the loader asked in vain since the last call, each once.
std::vector<std::string> take_unpacked_types();

} // namespace pagoda
