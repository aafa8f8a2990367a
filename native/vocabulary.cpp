// Vocabulary over llama.cpp's. Its functions report the size that they need as a negative number.

#include "vocabulary.h"

#include "error-codes.h"

#include <climits>
#include <cstdlib>

namespace pagoda {

namespace {

constexpr size_t MAX_TEXT_BYTES = 1u << 30; // ids are counted in int32

constexpr int SPECIAL_ATTRIBUTES = LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN | LLAMA_TOKEN_ATTR_UNUSED;

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
    : model(std::move(source)), vocab(llama_model_get_vocab(model.get())) {
    n_vocab  = llama_vocab_n_tokens(vocab);
    adds_bos = llama_vocab_get_add_bos(vocab);
    starts.push_back(0);
    for (int32_t id = 0; id < n_vocab; ++id) {
        const std::string piece = token_bytes(vocab, id);
        bytes.insert(bytes.end(), piece.begin(), piece.end());
        starts.push_back((int32_t) bytes.size());
        special.push_back((llama_vocab_get_attr(vocab, id) & SPECIAL_ATTRIBUTES) != 0);
        if (llama_vocab_is_eog(vocab, id)) {
            eos_ids.push_back(id);
        }
    }
}

std::vector<int32_t> Vocabulary::tokenize(const std::string & text, bool add_special, bool parse_special) const {
    if (text.size() > MAX_TEXT_BYTES) {
        throw Error("invalid_argument", "text is too long to tokenise");
    }
    // A token is at least a byte but for the special ones around the text, so the first call nearly
    // always fits: tokenising is the cost, not the buffer.
    std::vector<int32_t> tokens(text.size() + 8);
    for (int attempt = 0; attempt < 2; ++attempt) {
        const int32_t n = llama_tokenize(vocab, text.data(), (int32_t) text.size(), tokens.data(),
                                         (int32_t) tokens.size(), add_special, parse_special);
        if (n == INT32_MIN) {
            throw Error("invalid_argument", "text has too many tokens");
        }
        tokens.resize(std::abs(n));
        if (n >= 0) {
            return tokens;
        }
    }
    throw Error("internal", "tokenisation did not settle on a size");
}

std::string Vocabulary::detokenize(const std::vector<int32_t> & tokens, bool remove_special) const {
    // llama.cpp keeps the space that SentencePiece puts before a text when BOS precedes it
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
    throw Error("internal", "detokenisation did not settle on a size");
}

} // namespace pagoda
