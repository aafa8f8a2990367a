// A scan for tags, as Jinja delimits them, and within them for texts, brackets and the first word.

#include "template-nesting.h"

#include "error-codes.h"

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

namespace pagoda {

namespace {

constexpr int    MAX_LEVELS    = 100;
constexpr size_t MAX_TAG_BYTES = 8u << 10;

[[noreturn]] void refuse() {
    throw Error("template_limit", "the chat template is nested deeper than 100 levels, or a tag of it is longer than 8 KiB");
}

// A tag without the texts in it.
struct Tag {
    std::string code;
    size_t      end; // in the source
};

Tag read_tag(const std::string & source, size_t begin, const char * close) {
    Tag    tag = { "", begin };
    size_t at  = begin;
    for (int depth = 0; at < source.size() && source.compare(at, 2, close) != 0; ++at) {
        const char c = source[at];
        if (c == '"' || c == '\'') {
            for (++at; at < source.size() && source[at] != c; ++at) {
                at += source[at] == '\\';
            }
            continue;
        }
        if (c == '(' || c == '[' || c == '{') {
            ++depth;
        } else if (c == ')' || c == ']' || c == '}') {
            --depth;
        }
        tag.code += c;
        if (depth > MAX_LEVELS || tag.code.size() > MAX_TAG_BYTES) {
            refuse();
        }
    }
    tag.end = std::min(source.size(), at + 2);
    return tag;
}

std::string first_word(const std::string & code) {
    size_t begin = 0;
    while (begin < code.size() && !std::isalpha((unsigned char) code[begin])) {
        ++begin;
    }
    size_t end = begin;
    while (end < code.size() && std::isalpha((unsigned char) code[end])) {
        ++end;
    }
    return code.substr(begin, end - begin);
}

// The blocks that are open, and how deep the innermost is.
class Blocks {
public:
    void enter(const Tag & tag) {
        const std::string word = first_word(tag.code);
        const bool is_open = word == "if" || word == "for" || word == "macro" || word == "call" || word == "filter" ||
                             word == "generation" || (word == "set" && tag.code.find('=') == std::string::npos);
        if (is_open) {
            open.emplace_back(word, level++);
        } else if (word == "elif") {
            ++level;
        } else if (!open.empty() && word == "end" + open.back().first) {
            level = open.back().second;
            open.pop_back();
        }
        if (level > MAX_LEVELS) {
            refuse();
        }
    }

private:
    std::vector<std::pair<std::string, int>> open; // word, level outside
    int level = 0;
};

} // namespace

void check_template_nesting(const std::string & source) {
    Blocks blocks;
    for (size_t at = source.find('{'); at < source.size(); at = source.find('{', at)) {
        const char kind = at + 1 < source.size() ? source[at + 1] : ' ';
        if (kind == '#') {
            at = std::min(source.find("#}", at + 2), source.size());
        } else if (kind == '{') {
            at = read_tag(source, at + 2, "}}").end;
        } else if (kind == '%') {
            const Tag tag = read_tag(source, at + 2, "%}");
            blocks.enter(tag);
            at = tag.end;
        } else {
            ++at;
        }
    }
}

} // namespace pagoda
