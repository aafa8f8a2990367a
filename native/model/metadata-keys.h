// Reads keys of a GGUF header with checks: llama.cpp ends the process for some unexpected values. Each
// refusal is an Error "model_unsupported" that names the key.
#pragma once

#include "gguf.h"

#include <cstdint>
#include <string>

namespace pagoda {

// Limits above any real model: products of them fit in 64 bits, and a loop over layers ends.
constexpr int64_t MAX_LAYERS         = 512; // llama.cpp's LLAMA_MAX_LAYERS
constexpr int64_t MAX_EXPERTS        = 1024; // its LLAMA_MAX_EXPERTS
constexpr int64_t MAX_HEADS          = 1 << 16;
constexpr int64_t MAX_WIDTH          = 1 << 24;
constexpr int64_t MAX_CONTEXT_LENGTH = 1ll << 40;

// "" when absent or not text.
std::string string_key(const gguf_context * g, const std::string & key);

// A count, or element `layer` of an array with one entry per layer; `fallback` when absent. Throws outside
// [min, max].
int64_t count_key(const gguf_context * g, const std::string & key, int64_t fallback, int64_t max, int64_t min = 0, size_t layer = 0);

// Number of elements of an array; 0 when absent.
int64_t array_length(const gguf_context * g, const std::string & key);

// Throws for any part but the first of a model in several files, naming the first.
void check_first_part(const gguf_context * g, const std::string & path);

// Throws for a model whose tokens see those that follow: it makes embeddings, and steps know no later token.
void check_causal(const gguf_context * g, const std::string & architecture);

// Throws for a kind of scaling that llama.cpp does not know.
void check_rope_scaling(const gguf_context * g, const std::string & architecture);

// Throws for a number of rotated dimensions at which the first step would fail an assertion of ggml or never
// end.
void check_rope_dimensions(const gguf_context * g, const std::string & architecture);

// Throws for a chat template that is not text: llama.cpp would ignore it.
void check_chat_template(const gguf_context * g);

// Throws when more experts are used than exist, or none of several.
void check_experts(const gguf_context * g, const std::string & architecture, int64_t n_layers);

// Throws for an epsilon that is negative or not a number: the first step would end the process.
void check_norms(const gguf_context * g, const std::string & architecture);

// Throws for a norm, a bias, a scale or sinks that are not F32: operators on the CPU refuse them, or read them as F32.
void check_vectors(const gguf_context * g);

} // namespace pagoda
