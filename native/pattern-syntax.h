// The regular expressions of pre-tokenizers, read into a tree: what llama.cpp's patterns use of ECMAScript's
// syntax, and nothing else.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pagoda {

// Inclusive ranges, ascending, apart.
using SymbolSet = std::vector<std::pair<char32_t, char32_t>>;

constexpr char32_t MAX_SYMBOL = 0xFFFFFFFF;

struct Pattern {
    enum Kind { SYMBOL, SEQUENCE, CHOICE, REPEAT, LOOKAHEAD, TEXT_END };

    Kind                 kind;
    SymbolSet            set;             // of SYMBOL
    std::vector<Pattern> parts;           // of SEQUENCE and CHOICE any number, of REPEAT and LOOKAHEAD one
    int                  min     = 1;     // of REPEAT
    int                  max     = 1;     // of REPEAT, -1 = any number
    bool                 negated = false; // of LOOKAHEAD

    bool can_be_empty() const;
    // Whether a match may have symbols in it; a lookahead has none.
    bool can_have_symbols() const;
};

// Symbols are code points, or bytes that stand for classes of them. Sequences, choices, groups, sets, "\s", "\d",
// greedy repeats, lookaheads and "$"; what else there is in regular expressions throws std::runtime_error, and so
// does the repeat of what can be empty.
Pattern parse_pattern(const std::u32string & text);

} // namespace pagoda
