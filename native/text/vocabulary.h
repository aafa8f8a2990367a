// The model's vocabulary: the bytes and entry of every token, and conversion between text and IDs. Read-only after
// construction, so any thread may use it.
#pragma once

#include "text/special-texts.h"

#include "llama.h"

#include <memory>
#include <string>
#include <vector>

namespace pagoda {

class Vocabulary {
public:
    // Keeps the model alive; a model loaded with only its vocabulary is enough. Throws Error "model_unsupported" if
    // the tokenizer adds a token that the vocabulary does not have.
    explicit Vocabulary(std::shared_ptr<const llama_model> model);

    bool is_of(const std::shared_ptr<llama_model> & other) const { return model == other; }

    // add_special: add the tokenizer's BOS or EOS token. parse_special: read "<|im_end|>" in the text as that token and not as plain text.
    // Text is UTF-8, can contain zero bytes, and has at most 1 GiB (Error "invalid_argument"). Text with more than max_tokens tokens yields
    // max_tokens + 1 IDs; tokenization stops early in that case.
    std::vector<int32_t> tokenize(const std::string & text, bool add_special, bool parse_special, size_t max_tokens) const;
    // IDs must be in [0, n_vocab). remove_special: leave out control tokens.
    std::string          detokenize(const std::vector<int32_t> & tokens, bool remove_special) const;

    // Token i is bytes[starts[i], starts[i + 1]).
    std::vector<uint8_t> bytes;
    std::vector<int32_t> starts;  // [n_vocab + 1]
    std::vector<uint8_t> special; // [n_vocab]; 1 = control, unknown or unused
    // Token i's spelling in the file: entries[entry_starts[i], entry_starts[i + 1]), UTF-8.
    std::vector<uint8_t> entries;
    std::vector<int32_t> entry_starts; // [n_vocab + 1]
    std::vector<int32_t> eos_ids; // end-of-generation ids, ascending
    int32_t              n_vocab;
    std::vector<int32_t> fim_ids; // prefix, suffix and middle of fill-in-the-middle prompts; empty = not in the vocabulary
    bool                 adds_bos;

private:
    std::shared_ptr<const llama_model> model;
    const llama_vocab *                vocab;
    SpecialTexts                       all_specials;
    SpecialTexts                       user_defined; // searched for when parse_special is false
};

} // namespace pagoda
