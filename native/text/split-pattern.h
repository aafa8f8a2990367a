// Splits text into the matches of a pre-tokenizer pattern and the text between them. The matches are those of std::regex: leftmost match,
// first alternative, greedy repeats. However, std::regex recurses for every symbol and can try every path, whereas this class takes
// constant time per symbol for any text and does not recurse.
#pragma once

#include "text/pattern-syntax.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace pagoda {

// Read-only after construction, so any thread may use it.
//
// The text is read twice, since whether a match can begin or continue at a position depends on the text after it.
// The backward pass runs an automaton whose state at a position is the set of all pattern nodes from which a match
// can be completed there. At each choice, the forward pass takes the first path that can be completed. This is the
// path that backtracking would find, so no path ever has to be abandoned.
class SplitPattern {
public:
    // Throws std::runtime_error for a pattern that parse_pattern() does not support, that can match both empty and
    // nonempty text, or that has more than 65,535 states.
    explicit SplitPattern(const std::u32string & pattern);

    // Returns a pattern that lives as long as the process. Thread-safe.
    static const SplitPattern & of(const std::u32string & pattern);

    // parts: lengths in symbols that add up to the text. Each part is split separately, and "$" matches at its end.
    // Returns the lengths of the pieces in order; an empty match is a piece of length 0.
    std::vector<size_t> split(const std::u32string & text, const std::vector<size_t> & parts) const;

private:
    using State = uint16_t;

    // A position in a match, which continues at `next`. CHOICE tries `next` before `other`; for LOOKAHEAD, `other`
    // is the start of the pattern to look for.
    struct Node {
        enum Kind { SYMBOL, CHOICE, LOOKAHEAD, TEXT_END, ACCEPT };

        Kind kind;
        int  next;
        int  other;
        bool negated;
        int  set; // for SYMBOL: index in sets
    };

    int  add(const Node & node);
    int  add_set(const SymbolSet & set);
    int  add_pattern(const Pattern & pattern, int next);
    std::vector<int> takers_of(const std::vector<bool> & in_sets) const;
    void order_from(int node, std::vector<bool> & seen);
    void make_classes();
    void make_states();

    std::vector<uint64_t> completed(const std::vector<uint64_t> * after, size_t symbol_class) const;
    int                   class_of(char32_t symbol) const;
    bool                  can_complete(State state, int node) const;
    void                  read_backwards(const char32_t * text, size_t size, std::vector<State> & states) const;
    size_t                match_end(const std::vector<State> & states, size_t begin) const;
    void                  cut(const std::vector<State> & states, size_t size, std::vector<size_t> & pieces) const;

    std::vector<Node>      nodes;
    std::vector<SymbolSet> sets;
    std::vector<int>       order; // nodes that consume no symbol, each after the nodes it leads to
    int                    start = 0;

    std::vector<char32_t> class_begins;     // ascending, the first is 0
    std::vector<int>      classes;          // [class_begins]
    std::vector<int>      class_of_byte;    // [256]

    std::vector<std::vector<int>> takers_of_class; // [classes]: SYMBOL nodes that accept symbols of this class

    size_t                n_words = 0;
    std::vector<uint64_t> nodes_of_state;   // [states * n_words]: bit n = node n can be completed
    std::vector<State>    state_before;     // [states * classes]
};

} // namespace pagoda
