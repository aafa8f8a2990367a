// Reads the template tag by tag, token by token.

#include "text/template-nesting.h"

#include "error-codes.h"

#include <string>
#include <utility>

namespace pagoda {

namespace {

constexpr int    MAX_LEVELS    = 100;
constexpr size_t MAX_TAG_BYTES = 8u << 10;

[[noreturn]] void refuse() {
    throw Error("template_limit", "the chat template is nested deeper than 100 levels or has a tag longer than 8 KiB");
}

// The state of the tag that is being read.
struct Tag {
    size_t      bytes   = 0; // without string literals
    int         depth   = 0; // open brackets
    bool        assigns = false;
    std::string word; // first identifier

    // next_pos: position of the following token in the source
    void read(const jinja::token & token, size_t next_pos) {
        switch (token.t) {
            case jinja::token::string_literal: return;
            case jinja::token::open_paren:
            case jinja::token::open_square_bracket:
            case jinja::token::open_curly_bracket: ++depth; break;
            case jinja::token::close_paren:
            case jinja::token::close_square_bracket:
            case jinja::token::close_curly_bracket: --depth; break;
            case jinja::token::equals: assigns = true; break;
            case jinja::token::identifier: word = word.empty() ? token.value : word; break;
            default: break;
        }
        bytes += next_pos - token.pos;
        if (depth > MAX_LEVELS || bytes > MAX_TAG_BYTES) {
            refuse();
        }
    }
};

// The open blocks, and the depth of the innermost one.
class Blocks {
public:
    void enter(const Tag & tag) {
        const std::string & word = tag.word;
        const bool is_open = word == "if" || word == "for" || word == "macro" || word == "call" || word == "filter" ||
                             word == "with" || word == "generation" || (word == "set" && !tag.assigns);
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
    std::vector<std::pair<std::string, int>> open; // first word, level outside the block
    int level = 0;
};

} // namespace

void check_template_nesting(const std::vector<jinja::token> & tokens) {
    Blocks blocks;
    Tag    tag;
    for (size_t i = 0; i < tokens.size(); ++i) {
        const jinja::token & token = tokens[i];
        if (token.t == jinja::token::text || token.t == jinja::token::comment) {
            continue;
        }
        tag.read(token, i + 1 < tokens.size() ? tokens[i + 1].pos : token.pos);
        if (token.t == jinja::token::close_statement) {
            blocks.enter(tag);
        }
        if (token.t == jinja::token::close_statement || token.t == jinja::token::close_expression) {
            tag = {};
        }
    }
}

} // namespace pagoda
