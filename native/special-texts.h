// The texts of special tokens, found in a text that is to be tokenised: which of them stand where, and what is
// left between them. The result is that of llama.cpp, which looks for each of them through the whole text: the
// longest go first, and of one text every place from left to right that nothing before has taken.
#pragma once

#include "llama.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

struct llama_text_part; // llama-vocab.h

namespace pagoda {

struct SpecialText {
    llama_token token;
    std::string text; // not empty
    // White space before and behind it is dropped.
    bool        strips_left;
    bool        strips_right;
};

// An automaton after Aho and Corasick over all texts: one pass finds all places, in a time that grows with the text
// and not with the number of tokens. Read-only after construction, so any thread may use it.
class SpecialTexts {
public:
    // In the order in which they take their places, the longest first. Of equal texts the first counts.
    explicit SpecialTexts(std::vector<SpecialText> in_order);

    // The text in order, without what is stripped; no two parts of raw text are beside each other. Not to its end,
    // but with more than `max_tokens` parts that are tokens, where there are as many.
    std::vector<llama_text_part> cut(const std::string & text, size_t max_tokens) const;

private:
    struct Node {
        std::vector<std::pair<uint8_t, int>> children; // ascending
        int fallback = 0;  // node of the longest proper suffix
        int text     = -1; // index in texts, -1 = none ends here
        int shorter  = -1; // node of the next shorter text that ends here as well, -1 = none
    };

    // A place where at least one text ends: the node of the longest that has not yet been looked at.
    struct Hit {
        size_t end;
        int    node;
    };

    struct Place {
        size_t begin;
        int    text;
    };

    // What a token has taken of the text [begin, end), stripped white space included.
    struct Span {
        size_t      begin;
        size_t      end;
        llama_token token;
    };

    void insert(int text);
    void link();
    int  child_of(int node, uint8_t byte) const;
    int  node_after(int node, uint8_t byte) const;
    size_t length_at(int node) const { return texts[nodes[node].text].text.size(); }

    std::vector<Hit>   hits_in(const std::string & text) const;
    std::vector<Place> longest_places(std::vector<Hit> & hits, const std::vector<bool> & is_taken) const;
    Span               span_of(const Place & place, const std::string & text, const std::vector<bool> & is_taken) const;

    std::vector<SpecialText> texts;
    std::vector<Node>        nodes;
    std::vector<int>         begins; // [256] child of the root, the root itself where none
};

} // namespace pagoda
