// Builds the automaton and assigns places to texts, one length at a time.

#include "text/special-texts.h"

#include "llama-vocab.h"

#include <algorithm>
#include <cassert>

namespace pagoda {

namespace {

constexpr int ROOT = 0;
constexpr int NONE = -1;

// isspace() in the "C" locale.
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

} // namespace

SpecialTexts::SpecialTexts(std::vector<SpecialText> in_order) : texts(std::move(in_order)), nodes(1), begins(256, ROOT) {
    for (int i = 0; i < (int) texts.size(); ++i) {
        assert(!texts[i].text.empty());
        assert(i == 0 || texts[i].text.size() <= texts[i - 1].text.size());
        insert(i);
    }
    link();
}

void SpecialTexts::insert(int text) {
    int node = ROOT;
    for (const char c : texts[text].text) {
        int child = child_of(node, (uint8_t) c);
        if (child == NONE) {
            child           = (int) nodes.size();
            auto & children = nodes[node].children;
            const auto place = std::pair<uint8_t, int>((uint8_t) c, child);
            children.insert(std::upper_bound(children.begin(), children.end(), place), place);
            nodes.emplace_back();
        }
        node = child;
    }
    if (nodes[node].text == NONE) {
        nodes[node].text = text;
    }
}

// Works breadth first, since a node's fallback is closer to the root than the node itself.
void SpecialTexts::link() {
    std::vector<int> queue = { ROOT };
    for (size_t i = 0; i < queue.size(); ++i) {
        const int node = queue[i];
        for (const auto & [byte, child] : nodes[node].children) {
            if (node == ROOT) {
                begins[byte] = child;
            } else {
                const int fallback    = node_after(nodes[node].fallback, byte);
                nodes[child].fallback = fallback;
                nodes[child].shorter  = nodes[fallback].text != NONE ? fallback : nodes[fallback].shorter;
            }
            queue.push_back(child);
        }
    }
}

int SpecialTexts::child_of(int node, uint8_t byte) const {
    const auto & children = nodes[node].children;
    const auto   found    = std::lower_bound(children.begin(), children.end(), std::pair<uint8_t, int>(byte, 0));
    return found != children.end() && found->first == byte ? found->second : NONE;
}

int SpecialTexts::node_after(int node, uint8_t byte) const {
    while (node != ROOT) {
        const int child = child_of(node, byte);
        if (child != NONE) {
            return child;
        }
        node = nodes[node].fallback;
    }
    return begins[byte];
}

std::vector<SpecialTexts::Hit> SpecialTexts::hits_in(const std::string & text) const {
    std::vector<Hit> hits;
    int node = ROOT;
    for (size_t i = 0; i < text.size(); ++i) {
        node = node_after(node, (uint8_t) text[i]);
        const int longest = nodes[node].text != NONE ? node : nodes[node].shorter;
        if (longest != NONE) {
            hits.push_back({ i + 1, longest });
        }
    }
    return hits;
}

// Returns the places of the longest remaining texts, in the order they are assigned. Removes those places from the hits, along
// with every hit whose end is taken, since no shorter text that ends there can claim a place either.
std::vector<SpecialTexts::Place> SpecialTexts::longest_places(std::vector<Hit> & hits, const std::vector<bool> & is_taken) const {
    size_t length = 0;
    for (const Hit & hit : hits) {
        length = std::max(length, length_at(hit.node));
    }
    std::vector<Place> places;
    size_t n_left = 0;
    for (Hit hit : hits) {
        if (is_taken[hit.end - 1]) {
            continue;
        }
        if (length_at(hit.node) == length) {
            places.push_back({ hit.end - length, nodes[hit.node].text });
            hit.node = nodes[hit.node].shorter;
        }
        if (hit.node != NONE) {
            hits[n_left++] = hit;
        }
    }
    hits.resize(n_left);
    std::stable_sort(places.begin(), places.end(), [](const Place & a, const Place & b) { return a.text < b.text; });
    return places;
}

SpecialTexts::Span SpecialTexts::span_of(const Place & place, const std::string & text, const std::vector<bool> & is_taken) const {
    const SpecialText & special = texts[place.text];
    size_t begin = place.begin;
    size_t end   = begin + special.text.size();
    while (special.strips_left && begin > 0 && !is_taken[begin - 1] && is_space(text[begin - 1])) {
        --begin;
    }
    while (special.strips_right && end < text.size() && !is_taken[end] && is_space(text[end])) {
        ++end;
    }
    return { begin, end, special.token };
}

std::vector<llama_text_part> SpecialTexts::cut(const std::string & text, size_t max_tokens) const {
    std::vector<Hit>  hits = hits_in(text);
    std::vector<bool> is_taken(text.size());
    std::vector<Span> spans;
    while (!hits.empty()) {
        for (const Place & place : longest_places(hits, is_taken)) {
            // A taken span is at least as long as this text, or adjoins a span that is, so it cannot be strictly between the ends.
            if (is_taken[place.begin] || is_taken[place.begin + texts[place.text].text.size() - 1]) {
                continue;
            }
            spans.push_back(span_of(place, text, is_taken));
            std::fill(is_taken.begin() + spans.back().begin, is_taken.begin() + spans.back().end, true);
        }
    }
    std::sort(spans.begin(), spans.end(), [](const Span & a, const Span & b) { return a.begin < b.begin; });
    if (spans.size() > max_tokens) {
        spans.resize(max_tokens + 1);
    }

    std::vector<llama_text_part> parts;
    size_t at = 0;
    for (const Span & span : spans) {
        if (at < span.begin) {
            parts.push_back({ LLAMA_TOKEN_NULL, at, span.begin - at });
        }
        parts.push_back({ span.token, 0, 0 });
        at = span.end;
    }
    if (at < text.size() && spans.size() <= max_tokens) {
        parts.push_back({ LLAMA_TOKEN_NULL, at, text.size() - at });
    }
    return parts;
}

} // namespace pagoda
