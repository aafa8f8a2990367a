// Finds special tokens, and the raw text between them, in text to be tokenized. The result matches llama.cpp's:
// llama.cpp searches the whole text for each special token, longest first, and each token claims, from left to
// right, every place that no earlier token has claimed.
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
    // White space before or after the token is dropped.
    bool        strips_left;
    bool        strips_right;
};

// An Aho-Corasick automaton over all special texts: one pass finds all places, in time that grows with the input
// and not with the number of tokens. Read-only after construction, so any thread may use it.
class SpecialTexts {
public:
    // in_order: the texts in the order they claim places, longest first. Among equal texts, the first
    // wins.
    explicit SpecialTexts(std::vector<SpecialText> in_order);

    // Splits the text into parts, in order and without stripped white space. No two raw-text parts are adjacent.
    // Stops early once more than `max_tokens` parts are tokens.
    std::vector<llama_text_part> cut(const std::string & text, size_t max_tokens) const;

private:
    struct Node {
        std::vector<std::pair<uint8_t, int>> children; // ascending
        int fallback = 0;  // node of the longest proper suffix
        int text     = -1; // index in texts; -1 = no text ends here
        int shorter  = -1; // node of the next shorter text that also ends here; -1 = none
    };

    // A place where at least one text ends, with the node of the longest such text not yet examined.
    struct Hit {
        size_t end;
        int    node;
    };

    struct Place {
        size_t begin;
        int    text;
    };

    // The range of text [begin, end) that a token has taken, including stripped white space.
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
    std::vector<int>         begins; // [256] child of the root, or the root itself if it has none
};

} // namespace pagoda
