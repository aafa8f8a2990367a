// Compares what llama.cpp reports about each vocabulary, cheap facts first.

#include "text/vocabulary-match.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace pagoda {

namespace {

constexpr int32_t MAX_SIZE_DIFFERENCE = 128;
constexpr int32_t FIRST_COMPARED      = 5; // tokens before it are special in most vocabularies, under varying names

std::string number(const char * what, int32_t draft, int32_t target) {
    return std::string(what) + " is " + std::to_string(draft) + ", not " + std::to_string(target);
}

// Name of a tokenizer type as in tokenizer.ggml.model.
const char * type_name(enum llama_vocab_type type) {
    switch (type) {
        case LLAMA_VOCAB_TYPE_SPM:    return "llama";
        case LLAMA_VOCAB_TYPE_BPE:    return "gpt2";
        case LLAMA_VOCAB_TYPE_WPM:    return "bert";
        case LLAMA_VOCAB_TYPE_UGM:    return "t5";
        case LLAMA_VOCAB_TYPE_RWKV:   return "rwkv";
        case LLAMA_VOCAB_TYPE_PLAMO2: return "plamo2";
        default:                      return "none";
    }
}

std::string special_difference(const llama_vocab * t, const llama_vocab * d) {
    struct {
        const char * what;
        int32_t      draft, target;
    } const pairs[] = {
        { "its BOS token", llama_vocab_bos(d), llama_vocab_bos(t) },
        { "its EOS token", llama_vocab_eos(d), llama_vocab_eos(t) },
        { "its add_bos_token", llama_vocab_get_add_bos(d), llama_vocab_get_add_bos(t) },
        { "its add_eos_token", llama_vocab_get_add_eos(d), llama_vocab_get_add_eos(t) },
    };
    for (const auto & pair : pairs) {
        if (pair.draft != pair.target) {
            return number(pair.what, pair.draft, pair.target);
        }
    }
    return "";
}

} // namespace

std::string vocabulary_difference(const llama_model * target, const llama_model * draft) {
    const llama_vocab * t = llama_model_get_vocab(target);
    const llama_vocab * d = llama_model_get_vocab(draft);
    if (llama_vocab_type(t) != llama_vocab_type(d)) {
        return std::string("its tokenizer is of type ") + type_name(llama_vocab_type(d)) + ", not " + type_name(llama_vocab_type(t));
    }
    const std::string special = special_difference(t, d);
    if (!special.empty()) {
        return special;
    }
    const int32_t n_target = llama_vocab_n_tokens(t), n_draft = llama_vocab_n_tokens(d);
    if (std::abs(n_target - n_draft) > MAX_SIZE_DIFFERENCE) {
        return number("its token count", n_draft, n_target) + ", which differs by more than " + std::to_string(MAX_SIZE_DIFFERENCE);
    }
    for (int32_t id = FIRST_COMPARED; id < std::min(n_target, n_draft); ++id) {
        const char * text = llama_vocab_get_text(d, id);
        const char * want = llama_vocab_get_text(t, id);
        if (std::strcmp(text, want) != 0) {
            return "its token " + std::to_string(id) + " is \"" + text + "\", not \"" + want + "\"";
        }
    }
    return "";
}

} // namespace pagoda
