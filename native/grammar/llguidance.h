// The part of llguidance 1.9.1's C interface that the addon calls. Layouts and meanings match those in the crate's src/ffi.rs; a test
// compares the version.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pagoda {

struct LlgTokenizer;
struct LlgMatcher;
struct LlgCancellationHandle;

// Returns the number of tokens in `bytes` and writes the first `max_tokens` of them. Any thread may call it.
using LlgTokenize = size_t (*)(const void * data, const uint8_t * bytes, size_t n_bytes, uint32_t * tokens, size_t max_tokens);

struct LlgTokenizerInit {
    size_t               struct_size;
    uint32_t             vocab_size;
    uint32_t             tok_eos;
    const uint32_t *     token_lens;  // [vocab_size]
    const uint8_t *      token_bytes; // all tokens in order; a special token starts with 0xFF
    const char *         tokenizer_json;
    bool                 tokenize_assumes_string;
    LlgTokenize          tokenize;
    bool                 use_approximate_greedy_tokenize;
    const void *         tokenize_data;
    const char * const * slices; // null = the default groups of tokens whose masks are computed in advance
    const uint32_t *     tok_eos_extra;
    uint32_t             tok_eos_extra_count;
};

// For each limit, 0 = the library's default.
struct LlgLimits {
    size_t   max_items_in_row;
    uint64_t initial_lexer_fuel; // 50,000 per ms
    uint64_t step_lexer_fuel;    // 14,000 per ms
    size_t   step_max_items;     // 20,000 per ms
    size_t   max_lexer_states;   // 1 to 2 KB each
    size_t   max_grammar_size;   // symbols
    bool     precompute_large_lexemes;
    bool     verbose_errors;
};

struct LlgConstraintInit {
    const LlgTokenizer * tokenizer;
    uint32_t             log_buffer_level;
    uint32_t             log_stderr_level;
    bool                 ff_tokens_ok;
    bool                 backtrack_ok;
    LlgLimits            limits;
};

// The library's functions. A negative result is an error.
struct Llguidance {
    const char * (*get_version)();
    LlgTokenizer * (*new_tokenizer_v2)(const LlgTokenizerInit * init, char * error, size_t error_size);
    void (*free_tokenizer)(LlgTokenizer * tokenizer);
    void (*constraint_init_set_defaults)(LlgConstraintInit * init, const LlgTokenizer * tokenizer);
    LlgMatcher * (*new_matcher)(const LlgConstraintInit * init, const char * kind, const char * text); // never null
    LlgMatcher * (*clone_matcher)(const LlgMatcher * matcher);
    void (*free_matcher)(LlgMatcher * matcher);
    const char * (*matcher_get_error)(LlgMatcher * matcher); // null = none
    bool (*matcher_is_stopped)(const LlgMatcher * matcher);
    int32_t (*matcher_compute_mask)(LlgMatcher * matcher);
    const uint32_t * (*matcher_get_mask)(LlgMatcher * matcher); // valid until the next call with the matcher
    int32_t (*matcher_consume_token)(LlgMatcher * matcher, uint32_t token);
    LlgCancellationHandle * (*matcher_get_cancellation_handle)(LlgMatcher * matcher);
    void (*cancel)(const LlgCancellationHandle * handle); // thread-safe; all further work of the matcher fails
    void (*free_cancellation_handle)(LlgCancellationHandle * handle);
    bool (*matcher_is_cancelled)(const LlgMatcher * matcher);
    int32_t (*matcher_validate_tokens)(LlgMatcher * matcher, const uint32_t * tokens, size_t n_tokens); // number that may be consumed
    int32_t (*matcher_compute_ff_tokens)(LlgMatcher * matcher, uint32_t * tokens, size_t max_tokens); // number of tokens written
};

// Null if the library is not linked in and no shared library was found.
const Llguidance * llguidance();

} // namespace pagoda
