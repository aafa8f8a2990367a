// Reads and checks a GGUF file's header before any weights are loaded, so that a file that cannot be served causes
// a clear error.
#pragma once

#include "ggml.h"

#include <cstdint>
#include <string>

namespace pagoda {

struct ModelHeader {
    std::string architecture;
    std::string quantization; // type with the largest share of the bytes
    std::string name;
    uint64_t    weight_bytes;
    int64_t     trained_context_length;
    int64_t     n_layers;
    int64_t     n_vocab;
    int64_t     kv_bytes_per_token; // K and V of all layers
    bool        lacks_pre_tokenizer; // byte-level BPE, but the file does not name a pre-tokenizer
};

// Throws Error "model_not_found", "model_not_gguf", "model_truncated" or "model_unsupported".
ModelHeader read_model_header(const std::string & path, ggml_type kv_type);

// Throws Error "model_unsupported" if the file at `path`, with the header `is`, no longer contains the model that was loaded.
void check_same_model(const ModelHeader & was, const ModelHeader & is, const std::string & path);

// Number of bytes that can be allocated without swapping; 0 = unknown on this system.
uint64_t available_memory();

// Returns the first error line that llama.cpp has logged since the last call, for use in error messages; "" if there is none.
std::string take_log_error();

// Discards llama.cpp's log, except for the lines that take_log_error() returns.
void install_log_capture();

} // namespace pagoda
