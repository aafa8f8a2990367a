// Parses the regular expressions of pre-tokenizers into a tree. Knows only the parts of ECMAScript's syntax
// that llama.cpp's patterns use.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pagoda {

// Inclusive ranges, ascending, disjoint.
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
    // Whether a match can contain symbols; a lookahead contains none.
    bool can_have_symbols() const;
};

// Symbols are code points, or bytes that stand for classes of them. Knows sequences, choices, groups, sets,
// "\s", "\d", greedy repeats, lookaheads and "$". Throws std::runtime_error for any other syntax, and for a
// repeat of something that can be empty.
Pattern parse_pattern(const std::u32string & text);

} // namespace pagoda
