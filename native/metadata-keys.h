// Keys of a GGUF header, read as what they should be: llama.cpp ends the process for some that it does not
// expect. Each refusal is an Error "model_unsupported" that names the key.
#pragma once

#include "gguf.h"

#include <cstdint>
#include <string>

namespace pagoda {

// More than any model has: products of them stay within 64 bits, and a loop over layers ends.
constexpr int64_t MAX_LAYERS         = 512; // llama.cpp's LLAMA_MAX_LAYERS
constexpr int64_t MAX_EXPERTS        = 1024; // its LLAMA_MAX_EXPERTS
constexpr int64_t MAX_HEADS          = 1 << 16;
constexpr int64_t MAX_WIDTH          = 1 << 24;
constexpr int64_t MAX_CONTEXT_LENGTH = 1ll << 40;

// "" when absent, or no text.
std::string string_key(const gguf_context * g, const std::string & key);

// A count, or element `layer` of an array with one entry a layer; `fallback` when absent. Throws when it is not in [min, max].
int64_t count_key(const gguf_context * g, const std::string & key, int64_t fallback, int64_t max, int64_t min = 0, size_t layer = 0);

// Elements of an array, 0 when absent.
int64_t array_length(const gguf_context * g, const std::string & key);

// Throws, with the name of the first part, for another part of a model in several files.
void check_first_part(const gguf_context * g, const std::string & path);

// Throws for a kind of scaling that llama.cpp does not know.
void check_rope_scaling(const gguf_context * g, const std::string & architecture);

// Throws for a number of rotated dimensions that ggml would assert against, or never finish with, in the first step.
void check_rope_dimensions(const gguf_context * g, const std::string & architecture);

// Throws where more experts are used than there are, or none of several.
void check_experts(const gguf_context * g, const std::string & architecture, int64_t n_layers);

// Throws for an epsilon that is negative or no number: the first step would end the process.
void check_norms(const gguf_context * g, const std::string & architecture);

// Throws for a norm or a bias that is not F32, which ggml's operators on the CPU do not take.
void check_vectors(const gguf_context * g);

} // namespace pagoda
