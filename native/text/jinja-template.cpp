// Sets limits around each call into the Jinja engine. The limits apply only to the calling thread.

#include "text/jinja-template.h"

#include "error-codes.h"
#include "text/template-content.h"
#include "text/template-nesting.h"

#include "jinja/lexer.h"
#include "jinja/parser.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>

namespace pagoda {

namespace {

constexpr size_t MAX_VALUE_BYTES  = 64u << 20;
constexpr size_t MAX_MADE_BYTES   = 1u << 30;
constexpr size_t MAX_OUTPUT_BYTES = 8u << 20;

using Clock = std::chrono::steady_clock;

constexpr auto MAX_TIME = std::chrono::seconds(2);

// Thrown to abort rendering. Not a std::exception, since the Jinja runtime would wrap one.
struct OverLimit {
    const char * what;
};

thread_local Clock::time_point deadline;
thread_local size_t            made_bytes;

void check_deadline() {
    if (Clock::now() > deadline) {
        throw OverLimit{ "the chat template takes longer than 2 s" };
    }
}

void count_bytes(size_t bytes) {
    if (bytes > MAX_VALUE_BYTES) {
        throw OverLimit{ "the chat template creates a string or list of more than 64 MiB" };
    }
    made_bytes += bytes;
    if (made_bytes > MAX_MADE_BYTES) {
        throw OverLimit{ "the chat template creates more than 1 GiB of strings and lists in total, counting every copy" };
    }
}

// As long as an instance exists, rendering on this thread throws OverLimit once it exceeds the time or memory limit.
class Limits {
public:
    Limits() {
        deadline              = Clock::now() + MAX_TIME;
        made_bytes            = 0;
        jinja::before_execute = check_deadline;
        jinja::before_growth  = count_bytes;
    }
    ~Limits() {
        jinja::before_execute = nullptr;
        jinja::before_growth  = nullptr;
    }

    Limits(const Limits &)             = delete;
    Limits & operator=(const Limits &) = delete;
};

} // namespace

std::string plain_message(std::string text) {
    for (const char * wrapping : { "\nError: ", "Jinja Exception: ", "lexer: ", "parser: ", "Parser Error: " }) {
        const size_t at = text.rfind(wrapping);
        if (at != std::string::npos) {
            text.erase(0, at + std::strlen(wrapping));
        }
    }
    const size_t tag = text.find("[json.exception.");
    if (tag != std::string::npos) {
        text.erase(tag, text.find("] ", tag) + 2 - tag);
    }
    for (const char * echo : { "; last read: ", "\n" }) {
        text.erase(std::min(text.find(echo), text.size()));
    }
    return text.empty() ? "the chat template failed" : text;
}

JinjaTemplate::JinjaTemplate(const std::string & text) {
    try {
        jinja::lexer lexer;
        jinja::lexer_result tokens = lexer.tokenize(text);
        check_template_nesting(tokens.tokens);
        program = jinja::parse_from_tokens(tokens);
        source  = std::move(tokens.source);
    } catch (const Error &) {
        throw;
    } catch (const std::exception & e) {
        throw Error("template_error", "the chat template does not parse: " + plain_message(e.what()));
    }
    takes_parts = loops_over_content(program);
}

const SystemRule & JinjaTemplate::system_rule() const {
    std::call_once(has_rule, [this] { rule = SystemRule::of(*this); });
    return rule;
}

std::string JinjaTemplate::render(const common_json & variables) const {
    const Limits limits;
    try {
        jinja::context context(source);
        jinja::global_from_json(context, variables, false);
        jinja::runtime runtime(context);
        std::string text = jinja::runtime::gather_string_parts(runtime.execute(program))->as_string().str();
        if (text.size() > MAX_OUTPUT_BYTES) {
            throw OverLimit{ "the rendered prompt is longer than 8 MiB" };
        }
        return text;
    } catch (const OverLimit & limit) {
        throw Error("template_limit", limit.what);
    } catch (const std::exception & e) {
        throw Error("template_error", plain_message(e.what()));
    } catch (...) { // the Jinja runtime's control flow, such as a break outside a loop
        throw Error("template_error", "the chat template failed");
    }
}

} // namespace pagoda
