// Tokenizes text that a grammar forces as the model's own tokenizer would, so the model sees the same tokens as in training.

#include "grammar/grammar-tokens.h"

#include "error-codes.h"

#include <algorithm>

namespace pagoda {

namespace {

constexpr uint8_t SPECIAL_MARK = 0xFF; // never part of UTF-8

std::string bytes_of(const Vocabulary & v, const int32_t * first, const int32_t * end) {
    std::string bytes;
    for (; first != end; ++first) {
        bytes.append(v.bytes.begin() + v.starts[*first], v.bytes.begin() + v.starts[*first + 1]);
    }
    return bytes;
}

} // namespace

GrammarTokens::GrammarTokens(CurrentVocabulary source) : current(std::move(source)) {
    const Llguidance * lib = llguidance();
    if (!lib) {
        throw Error("grammar_unavailable", "the addon was built without llguidance");
    }
    const auto vocabulary = current();
    const Vocabulary & v = *vocabulary;
    byte_tokens.fill(-1);
    std::vector<uint32_t> lengths(v.n_vocab);
    std::vector<uint8_t>  bytes;
    bytes.reserve(v.bytes.size() + v.n_vocab);
    for (int32_t id = 0; id < v.n_vocab; ++id) {
        const auto first = v.bytes.begin() + v.starts[id], end = v.bytes.begin() + v.starts[id + 1];
        const size_t before = bytes.size();
        if (v.special[id] && first != end) {
            bytes.push_back(SPECIAL_MARK);
        } else if (end - first == 1 && byte_tokens[*first] < 0) {
            byte_tokens[*first] = id;
        }
        bytes.insert(bytes.end(), first, end);
        lengths[id] = (uint32_t) (bytes.size() - before);
    }
    const std::vector<uint32_t> ends(v.eos_ids.begin(), v.eos_ids.end());
    LlgTokenizerInit init = {};
    init.struct_size   = sizeof(init);
    init.vocab_size    = (uint32_t) v.n_vocab;
    init.tok_eos       = ends.empty() ? UINT32_MAX : ends.front(); // UINT32_MAX = none
    init.token_lens    = lengths.data();
    init.token_bytes   = bytes.data();
    init.tokenize      = tokenize;
    init.tokenize_data = this;
    init.tokenize_assumes_string = true;
    if (ends.size() > 1) {
        init.tok_eos_extra       = ends.data() + 1;
        init.tok_eos_extra_count = (uint32_t) ends.size() - 1;
    }
    char error[256] = "";
    tokenizer = lib->new_tokenizer_v2(&init, error, sizeof(error));
    if (!tokenizer) {
        throw Error("grammar_unavailable", std::string("llguidance does not accept the vocabulary: ") + error);
    }
}

GrammarTokens::~GrammarTokens() { llguidance()->free_tokenizer(tokenizer); }

// Called from C code, so no exception may escape.
size_t GrammarTokens::tokenize(const void * self, const uint8_t * bytes, size_t n_bytes, uint32_t * tokens, size_t max_tokens) {
    try {
        const std::string text(reinterpret_cast<const char *>(bytes), n_bytes);
        const std::vector<int32_t> ids = static_cast<const GrammarTokens *>(self)->tokens_of(text);
        std::copy_n(ids.begin(), std::min(ids.size(), max_tokens), tokens);
        return ids.size();
    } catch (...) {
        return 0;
    }
}

// SentencePiece adds a space at the start of text. A character that merges with nothing is therefore put first, and its token is dropped
// from the result. Tokens that do not spell the text are replaced with one token per byte.
std::vector<int32_t> GrammarTokens::tokens_of(const std::string & text) const {
    const auto vocabulary = current();
    for (const std::string & start : { std::string(), std::string("\x02") }) {
        std::vector<int32_t> ids = vocabulary->tokenize(start + text, false, false, SIZE_MAX - 1);
        for (size_t skipped = 0; skipped <= ids.size() && skipped <= 2; ++skipped) {
            if (bytes_of(*vocabulary, ids.data() + skipped, ids.data() + ids.size()) == text) {
                ids.erase(ids.begin(), ids.begin() + (ptrdiff_t) skipped);
                return ids;
            }
        }
    }
    std::vector<int32_t> ids;
    for (const char c : text) {
        if (byte_tokens[(uint8_t) c] >= 0) {
            ids.push_back(byte_tokens[(uint8_t) c]);
        }
    }
    return ids;
}

} // namespace pagoda
