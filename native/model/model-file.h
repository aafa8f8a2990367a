// What a GGUF's header tells before any weight is loaded, and the checks that give a clear error for a
// file that cannot be served.
#pragma once

#include "ggml.h"

#include <cstdint>
#include <string>

namespace pagoda {

struct ModelHeader {
    std::string architecture;
    std::string quantization; // type that holds most of the bytes
    std::string name;
    uint64_t    weight_bytes;
    int64_t     trained_context_length;
    int64_t     n_layers;
    int64_t     n_vocab;
    int64_t     kv_bytes_per_token; // K + V over all layers
    bool        lacks_pre_tokenizer; // byte-level BPE, but the file names no pre-tokenizer
};

// Throws Error "model_not_found", "model_not_gguf", "model_truncated" or "model_unsupported".
ModelHeader read_model_header(const std::string & path, ggml_type kv_type);

// Bytes that can be allocated without swapping; 0 = not known on this system.
uint64_t available_memory();

// The first error line that llama.cpp logged since the last call, for messages; "" if none.
std::string take_log_error();

// Sends llama.cpp's log to nothing but take_log_error().
void install_log_capture();

} // namespace pagoda
