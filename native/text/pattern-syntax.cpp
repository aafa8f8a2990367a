// A recursive-descent parser with one function for each rule of the syntax.

#include "text/pattern-syntax.h"

#include <algorithm>
#include <stdexcept>

namespace pagoda {

namespace {

constexpr int ANY_NUMBER = -1;
constexpr int MAX_REPEATS = 1024;

const SymbolSet SPACES = { { '\t', '\r' }, { ' ', ' ' } };
const SymbolSet DIGITS = { { '0', '9' } };

SymbolSet in_order(SymbolSet set) {
    std::sort(set.begin(), set.end());
    SymbolSet apart;
    for (const auto & range : set) {
        if (apart.empty() || apart.back().second < range.first) {
            apart.push_back(range);
        } else {
            apart.back().second = std::max(apart.back().second, range.second);
        }
    }
    return apart;
}

SymbolSet complement(const SymbolSet & set) {
    SymbolSet rest;
    char32_t  next = 0;
    for (const auto & range : set) {
        if (next < range.first) {
            rest.push_back({ next, range.first - 1 });
        }
        if (range.second == MAX_SYMBOL) {
            return rest;
        }
        next = range.second + 1;
    }
    rest.push_back({ next, MAX_SYMBOL });
    return rest;
}

bool is_letter_or_digit(char32_t c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

Pattern of_parts(Pattern::Kind kind, std::vector<Pattern> parts) {
    Pattern pattern{};
    pattern.kind  = kind;
    pattern.parts = std::move(parts);
    return pattern;
}

Pattern of_set(SymbolSet set) {
    Pattern pattern{};
    pattern.kind = Pattern::SYMBOL;
    pattern.set  = std::move(set);
    return pattern;
}

class Parser {
public:
    explicit Parser(const std::u32string & pattern) : text(pattern) {}

    Pattern whole() {
        Pattern pattern = choice();
        if (at != text.size()) {
            fail("unmatched bracket");
        }
        return pattern;
    }

private:
    Pattern choice() {
        std::vector<Pattern> parts = { sequence() };
        while (take('|')) {
            parts.push_back(sequence());
        }
        return parts.size() == 1 ? parts[0] : of_parts(Pattern::CHOICE, std::move(parts));
    }

    Pattern sequence() {
        std::vector<Pattern> parts;
        while (at < text.size() && text[at] != '|' && text[at] != ')') {
            parts.push_back(repeated(item()));
        }
        return of_parts(Pattern::SEQUENCE, std::move(parts));
    }

    Pattern item() {
        const char32_t c = next();
        switch (c) {
            case '(': return group();
            case '[': return of_set(bracketed());
            case '\\': return of_set(escaped());
            case '$': return of_parts(Pattern::TEXT_END, {});
            case '.': case '^': case '*': case '+': case '?': case '{': fail("unsupported use of . ^ * + ? or {");
            default: return of_set({ { c, c } });
        }
    }

    Pattern group() {
        Pattern inner{};
        if (!take('?')) {
            inner = choice();
        } else {
            const char32_t kind = next();
            if (kind != ':' && kind != '=' && kind != '!') {
                fail("unsupported kind of group");
            }
            inner = choice();
            if (kind != ':') {
                inner         = of_parts(Pattern::LOOKAHEAD, { inner });
                inner.negated = kind == '!';
            }
        }
        if (!take(')')) {
            fail("unclosed bracket");
        }
        return inner;
    }

    Pattern repeated(Pattern once) {
        int min, max;
        if (take('*')) {
            min = 0, max = ANY_NUMBER;
        } else if (take('+')) {
            min = 1, max = ANY_NUMBER;
        } else if (take('?')) {
            min = 0, max = 1;
        } else if (take('{')) {
            min = max = number();
            if (take(',')) {
                max = number();
            }
            if (!take('}') || max < min) {
                fail("invalid number of repeats");
            }
        } else {
            return once;
        }
        if (at < text.size() && (text[at] == '?' || text[at] == '+')) {
            fail("non-greedy repeat");
        }
        if (once.can_be_empty()) {
            fail("repeated pattern that can match empty text");
        }
        Pattern pattern = of_parts(Pattern::REPEAT, { std::move(once) });
        pattern.min     = min;
        pattern.max     = max;
        return pattern;
    }

    int number() {
        const size_t begin = at;
        int          value = 0;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9' && value <= MAX_REPEATS) {
            value = value * 10 + (int) (text[at++] - '0');
        }
        if (at == begin || value > MAX_REPEATS) {
            fail("invalid number of repeats");
        }
        return value;
    }

    SymbolSet bracketed() {
        const bool negated = take('^');
        SymbolSet  set;
        while (!take(']')) {
            const SymbolSet first = next_of_set();
            set.insert(set.end(), first.begin(), first.end());
            if (at + 1 < text.size() && text[at] == '-' && text[at + 1] != ']') {
                ++at;
                const SymbolSet last = next_of_set();
                if (first.size() != 1 || last.size() != 1 || last[0].first < first[0].second) {
                    fail("invalid range");
                }
                set.push_back({ first[0].first, last[0].second });
            }
        }
        set = in_order(std::move(set));
        return negated ? complement(set) : set;
    }

    SymbolSet next_of_set() {
        const char32_t c = next();
        return c == '\\' ? escaped() : SymbolSet{ { c, c } };
    }

    SymbolSet escaped() {
        const char32_t c = next();
        switch (c) {
            case 's': return SPACES;
            case 'S': return complement(SPACES);
            case 'd': return DIGITS;
            case 'n': return { { '\n', '\n' } };
            case 'r': return { { '\r', '\r' } };
            case 't': return { { '\t', '\t' } };
            default: break;
        }
        if (is_letter_or_digit(c)) {
            fail("unsupported escape");
        }
        return { { c, c } };
    }

    char32_t next() {
        if (at == text.size()) {
            fail("unexpected end");
        }
        return text[at++];
    }

    bool take(char32_t c) {
        const bool is_next = at < text.size() && text[at] == c;
        at += is_next;
        return is_next;
    }

    [[noreturn]] void fail(const char * what) const {
        throw std::runtime_error("pre-tokenizer pattern: " + std::string(what) + " at " + std::to_string(at));
    }

    const std::u32string & text;
    size_t                 at = 0;
};

} // namespace

bool Pattern::can_be_empty() const {
    const auto is_empty = [](const Pattern & part) { return part.can_be_empty(); };
    switch (kind) {
        case SYMBOL: return false;
        case SEQUENCE: return std::all_of(parts.begin(), parts.end(), is_empty);
        case CHOICE: return std::any_of(parts.begin(), parts.end(), is_empty);
        case REPEAT: return min == 0;
        case LOOKAHEAD: case TEXT_END: return true;
    }
    return true;
}

bool Pattern::can_have_symbols() const {
    return kind == SYMBOL || (kind != LOOKAHEAD && std::any_of(parts.begin(), parts.end(), [](const Pattern & part) {
        return part.can_have_symbols();
    }));
}

Pattern parse_pattern(const std::u32string & text) { return Parser(text).whole(); }

} // namespace pagoda
