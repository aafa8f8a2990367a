// Builds the automaton, reads the text in two passes, and registers the splitter with llama.cpp.

#include "text/split-pattern.h"

#include "unicode.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <stdexcept>

namespace pagoda {

namespace {

constexpr size_t MAX_STATES = UINT16_MAX;

bool contains(const SymbolSet & set, char32_t symbol) {
    return std::any_of(set.begin(), set.end(),
                       [&](const auto & range) { return range.first <= symbol && symbol <= range.second; });
}

bool has_bit(const uint64_t * words, int bit) { return words[bit / 64] >> (bit % 64) & 1; }

void set_bit(uint64_t * words, int bit) { words[bit / 64] |= uint64_t(1) << (bit % 64); }

std::vector<size_t> split_for_llama(const std::u32string & text, const std::u32string & pattern,
                                    const std::vector<size_t> & parts) {
    return SplitPattern::of(pattern).split(text, parts);
}

// Static initialization runs before any text is tokenized.
[[maybe_unused]] const bool is_in_use = (unicode_regex_splitter = split_for_llama) != nullptr;

} // namespace

SplitPattern::SplitPattern(const std::u32string & text) {
    const Pattern pattern = parse_pattern(text);
    if (pattern.can_be_empty() && pattern.can_have_symbols()) {
        throw std::runtime_error("pre-tokenizer pattern: can match both empty and nonempty text");
    }
    start = add_pattern(pattern, add({ Node::ACCEPT, 0, 0, false, 0 }));
    std::vector<bool> seen(nodes.size());
    for (int node = 0; node < (int) nodes.size(); ++node) {
        order_from(node, seen);
    }
    make_classes();
    make_states();
}

const SplitPattern & SplitPattern::of(const std::u32string & pattern) {
    static std::mutex                                                    mutex;
    static std::map<std::u32string, std::unique_ptr<const SplitPattern>> known;
    const std::lock_guard<std::mutex> lock(mutex);
    auto & found = known[pattern];
    if (!found) {
        found = std::make_unique<const SplitPattern>(pattern);
    }
    return *found;
}

std::vector<size_t> SplitPattern::split(const std::u32string & text, const std::vector<size_t> & parts) const {
    std::vector<size_t> pieces;
    pieces.reserve(parts.size());
    std::vector<State> states;
    size_t begin = 0;
    for (const size_t size : parts) {
        read_backwards(text.data() + begin, size, states);
        cut(states, size, pieces);
        begin += size;
    }
    return pieces;
}

int SplitPattern::add(const Node & node) {
    nodes.push_back(node);
    return (int) nodes.size() - 1;
}

int SplitPattern::add_set(const SymbolSet & set) {
    const auto known = std::find(sets.begin(), sets.end(), set);
    const auto index = (int) (known - sets.begin());
    if (known == sets.end()) {
        sets.push_back(set);
    }
    return index;
}

// Adds a pattern whose match continues at `next`. Returns the node where the match begins.
int SplitPattern::add_pattern(const Pattern & pattern, int next) {
    switch (pattern.kind) {
        case Pattern::SYMBOL:
            return add({ Node::SYMBOL, next, 0, false, add_set(pattern.set) });
        case Pattern::TEXT_END:
            return add({ Node::TEXT_END, next, 0, false, 0 });
        case Pattern::LOOKAHEAD: {
            const int inner = add_pattern(pattern.parts[0], add({ Node::ACCEPT, 0, 0, false, 0 }));
            return add({ Node::LOOKAHEAD, next, inner, pattern.negated, 0 });
        }
        case Pattern::SEQUENCE: {
            for (auto part = pattern.parts.rbegin(); part != pattern.parts.rend(); ++part) {
                next = add_pattern(*part, next);
            }
            return next;
        }
        case Pattern::CHOICE: {
            int begin = add_pattern(pattern.parts.back(), next);
            for (auto part = pattern.parts.rbegin() + 1; part != pattern.parts.rend(); ++part) {
                begin = add({ Node::CHOICE, add_pattern(*part, next), begin, false, 0 });
            }
            return begin;
        }
        case Pattern::REPEAT: {
            const Pattern & once = pattern.parts[0];
            int begin = next;
            if (pattern.max < 0) {
                begin = add({ Node::CHOICE, 0, next, false, 0 });
                const int again = add_pattern(once, begin);
                nodes[begin].next = again;
            }
            for (int i = pattern.min; i < pattern.max; ++i) {
                begin = add({ Node::CHOICE, add_pattern(once, begin), next, false, 0 });
            }
            for (int i = 0; i < pattern.min; ++i) {
                begin = add_pattern(once, begin);
            }
            return begin;
        }
    }
    return next;
}

// Terminates because every cycle consumes a symbol: a repeated pattern never matches empty text.
void SplitPattern::order_from(int node, std::vector<bool> & seen) {
    if (seen[node]) {
        return;
    }
    seen[node] = true;
    const Node & n = nodes[node];
    if (n.kind == Node::SYMBOL) {
        return;
    }
    if (n.kind != Node::ACCEPT) {
        order_from(n.next, seen);
    }
    if (n.kind == Node::CHOICE || n.kind == Node::LOOKAHEAD) {
        order_from(n.other, seen);
    }
    order.push_back(node);
}

std::vector<int> SplitPattern::takers_of(const std::vector<bool> & in_sets) const {
    std::vector<int> takers;
    for (int i = 0; i < (int) nodes.size(); ++i) {
        if (nodes[i].kind == Node::SYMBOL && in_sets[nodes[i].set]) {
            takers.push_back(i);
        }
    }
    return takers;
}

// Symbols that belong to exactly the same sets form one class.
void SplitPattern::make_classes() {
    class_begins = { 0 };
    for (const auto & set : sets) {
        for (const auto & [first, last] : set) {
            class_begins.push_back(first);
            if (last != MAX_SYMBOL) {
                class_begins.push_back(last + 1);
            }
        }
    }
    std::sort(class_begins.begin(), class_begins.end());
    class_begins.erase(std::unique(class_begins.begin(), class_begins.end()), class_begins.end());
    std::map<std::vector<bool>, int> known;
    for (const char32_t begin : class_begins) {
        std::vector<bool> in_sets;
        for (const auto & set : sets) {
            in_sets.push_back(contains(set, begin));
        }
        const auto [found, is_new] = known.emplace(in_sets, (int) known.size());
        classes.push_back(found->second);
        if (is_new) {
            takers_of_class.push_back(takers_of(in_sets));
        }
    }
    for (char32_t byte = 0; byte < 256; ++byte) {
        const auto after = std::upper_bound(class_begins.begin(), class_begins.end(), byte);
        class_of_byte.push_back(classes[after - class_begins.begin() - 1]);
    }
}

void SplitPattern::make_states() {
    n_words = (nodes.size() + 63) / 64;
    std::map<std::vector<uint64_t>, State> known;
    std::vector<std::vector<uint64_t>>     found;
    const auto state_of = [&](std::vector<uint64_t> set) {
        const auto [state, is_new] = known.emplace(std::move(set), (State) found.size());
        if (is_new) {
            if (found.size() == MAX_STATES) {
                throw std::runtime_error("pre-tokenizer pattern: too many states");
            }
            found.push_back(state->first);
        }
        return state->second;
    };
    state_of(completed(nullptr, 0));
    for (size_t state = 0; state < found.size(); ++state) {
        for (size_t symbol_class = 0; symbol_class < takers_of_class.size(); ++symbol_class) {
            const std::vector<uint64_t> after = found[state];
            state_before.push_back(state_of(completed(&after, symbol_class)));
        }
    }
    for (const auto & set : found) {
        nodes_of_state.insert(nodes_of_state.end(), set.begin(), set.end());
    }
}

// Returns the nodes from which a match can be completed at a symbol of this class. `after` is the set of nodes from
// which a match can be completed right after the symbol; it is nullptr at the end of the text, where there is no
// symbol.
std::vector<uint64_t> SplitPattern::completed(const std::vector<uint64_t> * after, size_t symbol_class) const {
    std::vector<uint64_t> set(n_words);
    if (after) {
        for (const int i : takers_of_class[symbol_class]) {
            if (has_bit(after->data(), nodes[i].next)) {
                set_bit(set.data(), i);
            }
        }
    }
    for (const int i : order) {
        const Node & n    = nodes[i];
        bool         here = has_bit(set.data(), n.next);
        switch (n.kind) {
            case Node::CHOICE: here = here || has_bit(set.data(), n.other); break;
            case Node::LOOKAHEAD: here = here && has_bit(set.data(), n.other) != n.negated; break;
            case Node::TEXT_END: here = here && !after; break;
            case Node::ACCEPT: here = true; break;
            case Node::SYMBOL: break;
        }
        if (here) {
            set_bit(set.data(), i);
        }
    }
    return set;
}

int SplitPattern::class_of(char32_t symbol) const {
    if (symbol < class_of_byte.size()) {
        return class_of_byte[symbol];
    }
    const auto after = std::upper_bound(class_begins.begin(), class_begins.end(), symbol);
    return classes[after - class_begins.begin() - 1];
}

bool SplitPattern::can_complete(State state, int node) const {
    return has_bit(&nodes_of_state[state * n_words], node);
}

// states: [size + 1], one per position; the last one is for the end of the text.
void SplitPattern::read_backwards(const char32_t * text, size_t size, std::vector<State> & states) const {
    states.resize(size + 1);
    State state  = 0;
    states[size] = state;
    for (size_t i = size; i-- > 0;) {
        state     = state_before[state * takers_of_class.size() + class_of(text[i])];
        states[i] = state;
    }
}

size_t SplitPattern::match_end(const std::vector<State> & states, size_t begin) const {
    size_t at   = begin;
    int    node = start;
    while (nodes[node].kind != Node::ACCEPT) {
        const Node & n = nodes[node];
        const bool   is_other = n.kind == Node::CHOICE && !can_complete(states[at], n.next);
        at += n.kind == Node::SYMBOL;
        node = is_other ? n.other : n.next;
    }
    return at;
}

void SplitPattern::cut(const std::vector<State> & states, size_t size, std::vector<size_t> & pieces) const {
    size_t end_of_last = 0;
    for (size_t at = 0; at <= size;) {
        if (!can_complete(states[at], start)) {
            ++at;
            continue;
        }
        if (at > end_of_last) {
            pieces.push_back(at - end_of_last);
        }
        end_of_last = match_end(states, at);
        pieces.push_back(end_of_last - at);
        at = std::max(end_of_last, at + 1);
    }
    if (end_of_last < size) {
        pieces.push_back(size - end_of_last);
    }
}

} // namespace pagoda
