// Limits first (bytes, nesting, messages), then common/chat, of which only the prompt is used. A template is
// the operator's or the model's, never a request's; what it does with a request's lists takes its time all
// the same, so that each run has a deadline.

#include "chat-template.h"

#include "error-codes.h"
#include "template-nesting.h"

#include "chat.h"
#include "jinja/runtime.h"
#include "json.h"
#include "log.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <mutex>

namespace pagoda {

namespace {

constexpr size_t MAX_JSON_BYTES   = 8u << 20;
constexpr int    MAX_JSON_DEPTH   = 64;
constexpr size_t MAX_MESSAGES     = 2048;
constexpr size_t MAX_OUTPUT_BYTES = 8u << 20;

// Ends a template from within: no std::exception, which its runtime would wrap.
struct OutOfTime {};

using Clock = std::chrono::steady_clock;

constexpr auto MAX_TIME = std::chrono::seconds(2);

thread_local Clock::time_point deadline;

void check_deadline() {
    if (Clock::now() > deadline) {
        throw OutOfTime();
    }
}

// What this thread runs of templates while one lives has that much time, or throws OutOfTime.
class TimeLimit {
public:
    TimeLimit() {
        deadline              = Clock::now() + MAX_TIME;
        jinja::before_execute = check_deadline;
    }
    ~TimeLimit() { jinja::before_execute = nullptr; }

    TimeLimit(const TimeLimit &)             = delete;
    TimeLimit & operator=(const TimeLimit &) = delete;
};

// Nesting of brackets outside strings, found without recursion.
int json_depth(const std::string & json) {
    int  depth = 0, deepest = 0;
    bool in_string = false;
    for (size_t i = 0; i < json.size(); ++i) {
        const char c = json[i];
        if (in_string) {
            if (c == '\\') {
                ++i;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            deepest = std::max(deepest, ++depth);
        } else if (c == ']' || c == '}') {
            --depth;
        }
    }
    return deepest;
}

void check_depth(const std::string & json, const char * what) {
    if (json_depth(json) > MAX_JSON_DEPTH) {
        throw Error("template_limit", std::string(what) + " are nested deeper than 64 levels");
    }
}

// Arguments of earlier tool calls are JSON inside a string, which common/chat parses and walks recursively.
void check_tool_arguments(const common_json & messages) {
    for (const auto & message : messages) {
        if (!message.is_object() || !message.contains("tool_calls") || !message.at("tool_calls").is_array()) {
            continue;
        }
        for (const auto & call : message.at("tool_calls")) {
            if (!call.is_object() || !call.contains("function") || !call.at("function").is_object()) {
                continue;
            }
            const auto & function = call.at("function");
            if (function.contains("arguments") && function.at("arguments").is_string()) {
                check_depth(function.at("arguments").get<std::string>(), "the arguments of a tool call");
            }
        }
    }
}

std::vector<common_chat_msg> read_messages(const common_json & body) {
    if (!body.is_object() || !body.contains("messages") || !body.at("messages").is_array()) {
        throw Error("template_error", "messages must be an array");
    }
    const common_json & messages = body.at("messages");
    if (messages.empty()) {
        throw Error("template_error", "messages must not be empty");
    }
    if (messages.size() > MAX_MESSAGES) {
        throw Error("template_limit", "there are more than 2048 messages");
    }
    check_tool_arguments(messages);
    return common_chat_msgs_parse_oaicompat(messages);
}

void read_kwargs(const common_json & kwargs, common_chat_templates_inputs & inputs) {
    for (const auto & entry : kwargs.items()) {
        inputs.chat_template_kwargs[entry.key()] = entry.value().dump();
        // some templates have a handler of their own in common/chat, which looks at the field instead
        if (entry.key() == "enable_thinking" && entry.value().is_boolean()) {
            inputs.enable_thinking = entry.value().get<bool>();
        }
    }
}

common_chat_templates_inputs read_inputs(const std::string & json) {
    if (json.size() > MAX_JSON_BYTES) {
        throw Error("template_limit", "the messages are longer than 8 MiB");
    }
    check_depth(json, "the messages");
    const common_json body = common_json::parse(json);
    common_chat_templates_inputs inputs;
    inputs.messages = read_messages(body);
    // Tools are shown to the model either way; NONE only spares the grammar of their calls, whose
    // builder recurses over schemas and regular expressions of the request.
    inputs.tool_choice = COMMON_CHAT_TOOL_CHOICE_NONE;
    if (body.contains("tools") && body.at("tools").is_array()) {
        inputs.tools = common_chat_tools_parse_oaicompat(body.at("tools"));
    }
    if (body.contains("kwargs") && body.at("kwargs").is_object()) {
        read_kwargs(body.at("kwargs"), inputs);
    }
    return inputs;
}

// What went wrong in one line, without the library's wrapping, its place in the template's source and
// its echo of the input.
std::string plain_message(std::string text) {
    for (const char * wrapping : { "\nError: ", "Jinja Exception: ", "Automatic parser generation failed: ", "lexer: ", "parser: ",
                                   "Parser Error: ", "Failed to parse messages: ", "Failed to parse tools: " }) {
        const size_t at = text.rfind(wrapping);
        if (at != std::string::npos) {
            text.erase(0, at + std::strlen(wrapping));
        }
    }
    const size_t tag = text.find("[json.exception.");
    if (tag != std::string::npos) {
        text.erase(tag, text.find("] ", tag) + 2 - tag);
    }
    for (const char * echo : { " (ref: ", "; tools = [", "; last read: ", "\n" }) {
        text.erase(std::min(text.find(echo), text.size()));
    }
    return text.empty() ? "the chat template failed" : text;
}

// common_chat_templates_init loses the reason when a template does not parse.
void check_syntax(const std::string & source) {
    check_template_nesting(source);
    try {
        jinja::lexer lexer;
        jinja::parse_from_tokens(lexer.tokenize(source));
    } catch (const std::exception & e) {
        throw Error("template_error", "the chat template does not parse: " + plain_message(e.what()));
    }
}

// The log of common is a thread that writes to stderr. Once: models may load at the same time.
void silence_log() {
    static std::once_flag once;
    std::call_once(once, [] { common_log_set_verbosity_thold(LOG_LEVEL_OUTPUT); });
}

} // namespace

ChatTemplate::ChatTemplate(const llama_model * model, const std::string & override_template) {
    const char * own = llama_model_chat_template(model, nullptr);
    if (override_template.empty() && !own) {
        return;
    }
    silence_log();
    check_syntax(override_template.empty() ? own : override_template);
    const TimeLimit limit; // it is run to see what it does
    try {
        templates = common_chat_templates_init(model, override_template);
    } catch (const OutOfTime &) {
        throw Error("template_limit", "the chat template cannot be used: it takes longer than 2 s");
    } catch (const std::exception & e) {
        throw Error("template_error", "the chat template cannot be used: " + plain_message(e.what()));
    }
}

ChatTemplate::~ChatTemplate() = default;

std::string ChatTemplate::apply(const std::string & json, bool add_generation_prompt, bool continue_final_message) const {
    if (!available()) {
        throw Error("template_error", "the model has no chat template; pass --chat-template");
    }
    const TimeLimit limit;
    try {
        auto inputs = read_inputs(json);
        inputs.add_generation_prompt  = add_generation_prompt;
        inputs.continue_final_message = continue_final_message ? COMMON_CHAT_CONTINUATION_CONTENT : COMMON_CHAT_CONTINUATION_NONE;
        std::string prompt = common_chat_templates_apply(templates.get(), inputs).prompt;
        if (prompt.size() > MAX_OUTPUT_BYTES) {
            throw Error("template_limit", "the rendered prompt is longer than 8 MiB");
        }
        return prompt;
    } catch (const Error &) {
        throw;
    } catch (const OutOfTime &) {
        throw Error("template_limit", "the chat template takes longer than 2 s");
    } catch (const std::exception & e) {
        throw Error("template_error", plain_message(e.what()));
    } catch (...) { // control flow of the Jinja runtime, such as a break outside a loop
        throw Error("template_error", "the chat template failed");
    }
}

} // namespace pagoda
