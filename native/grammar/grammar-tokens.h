// The vocabulary as llguidance needs it: the bytes of all tokens in a trie, and groups of tokens whose masks are computed in advance.
// Building it takes 0.15 s and 21 MB for 49,000 tokens, so that is deferred until the first grammar.
#pragma once

#include "grammar/llguidance.h"
#include "text/vocabulary.h"

#include <array>
#include <functional>
#include <memory>
#include <string>

namespace pagoda {

class GrammarTokens {
public:
    using CurrentVocabulary = std::function<std::shared_ptr<const Vocabulary>()>;

    // `current` can return the vocabulary at any time; the model replaces the vocabulary when its weights are freed.
    // Throws Error "grammar_unavailable" if the library is missing.
    explicit GrammarTokens(CurrentVocabulary current);
    ~GrammarTokens();

    GrammarTokens(const GrammarTokens &)             = delete;
    GrammarTokens & operator=(const GrammarTokens &) = delete;

    const LlgTokenizer * get() const { return tokenizer; }

private:
    static size_t tokenize(const void * self, const uint8_t * bytes, size_t n_bytes, uint32_t * tokens, size_t max_tokens);

    std::vector<int32_t> tokens_of(const std::string & text) const;

    CurrentVocabulary        current;
    std::array<int32_t, 256> byte_tokens; // -1 = none
    LlgTokenizer *           tokenizer = nullptr;
};

} // namespace pagoda
