// Parses pre-tokenizers' regular expressions into a tree. Supports only those parts of ECMAScript's syntax that llama.cpp's patterns use.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pagoda {

// Inclusive ranges, ascending and disjoint.
using SymbolSet = std::vector<std::pair<char32_t, char32_t>>;

constexpr char32_t MAX_SYMBOL = 0xFFFFFFFF;

struct Pattern {
    enum Kind { SYMBOL, SEQUENCE, CHOICE, REPEAT, LOOKAHEAD, TEXT_END };

    Kind                 kind;
    SymbolSet            set;             // for SYMBOL
    std::vector<Pattern> parts;           // any number for SEQUENCE and CHOICE, one for REPEAT and LOOKAHEAD
    int                  min     = 1;     // for REPEAT
    int                  max     = 1;     // for REPEAT; -1 = any number
    bool                 negated = false; // for LOOKAHEAD

    bool can_be_empty() const;
    // True if a match can contain symbols. A lookahead's match contains none.
    bool can_have_symbols() const;
};

// Symbols are code points, or bytes that represent classes of code points. Supports sequences, choices, groups,
// sets, "\s", "\d", greedy repeats, lookaheads and "$". Throws std::runtime_error for any other syntax, and for a
// repeated pattern that can match empty text.
Pattern parse_pattern(const std::u32string & text);

} // namespace pagoda
