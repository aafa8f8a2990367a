// Reads keys of a GGUF header with checks, since llama.cpp aborts the process on some unexpected values. A failed
// check throws an Error "model_unsupported" that names the key.
#pragma once

#include "gguf.h"

#include <cstdint>
#include <string>
#include <vector>

namespace pagoda {

// Limits that no real model reaches, so that products fit in 64 bits and loops over layers terminate.
constexpr int64_t MAX_LAYERS         = 512; // llama.cpp's LLAMA_MAX_LAYERS
constexpr int64_t MAX_EXPERTS        = 1024; // llama.cpp's LLAMA_MAX_EXPERTS
constexpr int64_t MAX_PARTS          = 0xffff; // a 16-bit key
constexpr int64_t MAX_HEADS          = 1 << 16;
constexpr int64_t MAX_WIDTH          = 1 << 24;
constexpr int64_t MAX_CONTEXT_LENGTH = 1ll << 40;

// Returns "" if the key is absent or not a string.
std::string string_key(const gguf_context * g, const std::string & key);

// Reads a count, or element `layer` of an array with one entry per layer; returns `fallback` if it is absent. Throws for a value outside
// [min, max].
int64_t count_key(const gguf_context * g, const std::string & key, int64_t fallback, int64_t max, int64_t min = 0, size_t layer = 0);

// Number of elements in an array; 0 if absent.
int64_t array_length(const gguf_context * g, const std::string & key);

// Paths of the parts after the first one; empty for a single-file model. Throws if `path` is any part except the first, naming the first
// part in the message, or if the first part's name does not determine the names of the others.
std::vector<std::string> other_parts(const gguf_context * g, const std::string & path);

// Throws for a model whose tokens attend to later tokens: such a model produces embeddings, and a step does not have the later tokens.
void check_causal(const gguf_context * g, const std::string & architecture);

// Throws for a type of RoPE scaling that llama.cpp does not know.
void check_rope_scaling(const gguf_context * g, const std::string & architecture);

// Throws for a number of rotated dimensions that would make the first step fail a ggml assertion or never finish.
void check_rope_dimensions(const gguf_context * g, const std::string & architecture);

// Throws for a model without a tokenizer.
void check_tokenizer(const gguf_context * g);

// Throws for a chat template that is not a string, which llama.cpp would ignore.
void check_chat_template(const gguf_context * g);

// Throws if more experts are used than exist, or if there are several experts and none are used.
void check_experts(const gguf_context * g, const std::string & architecture, int64_t n_layers);

// Throws for an epsilon that is negative or NaN: the first step would abort the process.
void check_norms(const gguf_context * g, const std::string & architecture);

// Throws for a norm, bias, scale or sinks tensor that is not F32: the CPU's operators reject it or read it as F32.
void check_vectors(const gguf_context * g);

} // namespace pagoda
