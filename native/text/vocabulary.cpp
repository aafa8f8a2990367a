// Wraps llama.cpp's vocabulary. Its C functions report a required size as a negative number.

#include "text/vocabulary.h"

#include "error-codes.h"
#include "llama-vocab.h"

#include <algorithm>
#include <cstdlib>

namespace pagoda {

namespace {

constexpr size_t MAX_TEXT_BYTES = 1u << 30; // the number of ids must fit in int32

constexpr int SPECIAL_ATTRIBUTES = LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN | LLAMA_TOKEN_ATTR_UNUSED;

// Tokens to search for in text before it is tokenized. Control and unknown tokens are included only if special tokens
// are to be parsed.
constexpr int SPECIAL_TEXT_ATTRIBUTES = LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_USER_DEFINED | LLAMA_TOKEN_ATTR_UNKNOWN;

// Makes the same std::sort call as llama.cpp, since the order of texts of equal length depends on it.
std::vector<SpecialText> specials_of(const llama_vocab & vocab, int attributes) {
    std::vector<llama_token> ids;
    for (llama_token id = 0; id < (llama_token) vocab.n_tokens(); ++id) {
        if (vocab.get_token_data(id).attr & SPECIAL_TEXT_ATTRIBUTES) {
            ids.push_back(id);
        }
    }
    std::sort(ids.begin(), ids.end(), [&](llama_token a, llama_token b) {
        return vocab.get_token_data(a).text.size() > vocab.get_token_data(b).text.size();
    });
    std::vector<SpecialText> specials;
    for (const llama_token id : ids) {
        const auto & [text, score, attr] = vocab.get_token_data(id);
        if ((attr & attributes) && !text.empty()) {
            specials.push_back({ id, text, (attr & LLAMA_TOKEN_ATTR_LSTRIP) != 0, (attr & LLAMA_TOKEN_ATTR_RSTRIP) != 0 });
        }
    }
    return specials;
}

// Checks that the added tokens exist. llama.cpp asserts this only when it tokenizes the first text.
void check_added_tokens(const llama_vocab & vocab) {
    const bool is_word_piece = vocab.get_type() == LLAMA_VOCAB_TYPE_WPM;
    const auto check = [](bool is_added, llama_token id, const std::string & name) {
        if (is_added && id == LLAMA_TOKEN_NULL) {
            throw Error("model_unsupported", "the tokenizer adds the " + name + " token, but the vocabulary has none");
        }
    };
    check(vocab.get_add_bos() || is_word_piece, vocab.token_bos(), "BOS");
    check(vocab.get_add_eos(), vocab.token_eos(), "EOS");
    check(is_word_piece, vocab.token_sep(), "SEP");
}

std::string token_bytes(const llama_vocab * vocab, int32_t id) {
    std::string piece(64, '\0');
    int32_t n = llama_token_to_piece(vocab, id, piece.data(), (int32_t) piece.size(), 0, true);
    if (n < 0) {
        piece.resize(-n);
        n = llama_token_to_piece(vocab, id, piece.data(), (int32_t) piece.size(), 0, true);
    }
    piece.resize(n > 0 ? n : 0);
    return piece;
}

} // namespace

Vocabulary::Vocabulary(std::shared_ptr<const llama_model> source)
    : model(std::move(source)), vocab(llama_model_get_vocab(model.get())), all_specials(specials_of(*vocab, SPECIAL_TEXT_ATTRIBUTES)),
      user_defined(specials_of(*vocab, LLAMA_TOKEN_ATTR_USER_DEFINED)) {
    check_added_tokens(*vocab);
    n_vocab  = llama_vocab_n_tokens(vocab);
    adds_bos = llama_vocab_get_add_bos(vocab);
    const std::vector<int32_t> fim = { llama_vocab_fim_pre(vocab), llama_vocab_fim_suf(vocab), llama_vocab_fim_mid(vocab) };
    if (std::find(fim.begin(), fim.end(), LLAMA_TOKEN_NULL) == fim.end()) {
        fim_ids = fim;
    }
    starts.push_back(0);
    entry_starts.push_back(0);
    for (int32_t id = 0; id < n_vocab; ++id) {
        const std::string piece = token_bytes(vocab, id);
        bytes.insert(bytes.end(), piece.begin(), piece.end());
        starts.push_back((int32_t) bytes.size());
        const std::string entry = llama_vocab_get_text(vocab, id);
        entries.insert(entries.end(), entry.begin(), entry.end());
        entry_starts.push_back((int32_t) entries.size());
        special.push_back((llama_vocab_get_attr(vocab, id) & SPECIAL_ATTRIBUTES) != 0);
        if (llama_vocab_is_eog(vocab, id)) {
            eos_ids.push_back(id);
        }
    }
}

std::vector<int32_t> Vocabulary::tokenize(const std::string & text, bool add_special, bool parse_special, size_t max_tokens) const {
    if (text.size() > MAX_TEXT_BYTES) {
        throw Error("invalid_argument", "text is too long to tokenize");
    }
    const SpecialTexts & specials = parse_special ? all_specials : user_defined;
    std::vector<int32_t> tokens = vocab->tokenize(text, specials.cut(text, max_tokens), add_special, max_tokens);
    if (tokens.size() > max_tokens) {
        tokens.resize(max_tokens + 1);
    }
    return tokens;
}

std::string Vocabulary::detokenize(const std::vector<int32_t> & tokens, bool remove_special) const {
    // after a BOS, llama.cpp keeps the space that SentencePiece puts before text
    const bool skips_bos = remove_special && !tokens.empty() && tokens.front() == llama_vocab_bos(vocab);
    const int32_t * ids = tokens.data() + skips_bos;
    const int32_t  size = (int32_t) tokens.size() - skips_bos;
    std::string text(tokens.size() * 8 + 16, '\0');
    for (int attempt = 0; attempt < 2; ++attempt) {
        const int32_t n = llama_detokenize(vocab, ids, size, text.data(), (int32_t) text.size(), false, !remove_special);
        text.resize(std::abs(n));
        if (n >= 0) {
            return text;
        }
    }
    throw Error("internal", "detokenization did not settle on a size");
}

} // namespace pagoda
