// Limits first (bytes, nesting, messages), then common/chat. Its Jinja has no time budget of its own:
// only the operator's template runs here, never one from a request.

#include "chat-template.h"

#include "error-codes.h"

#include "chat.h"
#include "json.h"

#include <algorithm>
#include <exception>

namespace pagoda {

namespace {

constexpr size_t MAX_JSON_BYTES   = 8u << 20;
constexpr int    MAX_JSON_DEPTH   = 64;
constexpr size_t MAX_MESSAGES     = 2048;
constexpr size_t MAX_OUTPUT_BYTES = 8u << 20;

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

common_chat_templates_inputs read_inputs(const std::string & json) {
    if (json.size() > MAX_JSON_BYTES) {
        throw Error("template_limit", "the messages are longer than 8 MiB");
    }
    if (json_depth(json) > MAX_JSON_DEPTH) {
        throw Error("template_limit", "the messages are nested deeper than 64 levels");
    }
    const common_json body = common_json::parse(json);
    const common_json & messages = body.at("messages");
    if (messages.empty()) {
        throw Error("template_error", "messages must not be empty");
    }
    if (messages.size() > MAX_MESSAGES) {
        throw Error("template_limit", "there are more than 2048 messages");
    }
    common_chat_templates_inputs inputs;
    inputs.use_jinja = true;
    inputs.messages  = common_chat_msgs_parse_oaicompat(messages);
    if (body.contains("tools") && body.at("tools").is_array()) {
        inputs.tools = common_chat_tools_parse_oaicompat(body.at("tools"));
    }
    if (body.contains("kwargs") && body.at("kwargs").is_object()) {
        for (const auto & entry : body.at("kwargs").items()) {
            inputs.chat_template_kwargs[entry.key()] = entry.value().dump();
        }
    }
    return inputs;
}

// First line only, without the place in the template's source.
std::string first_line(const char * what) {
    const std::string text = what;
    return text.substr(0, text.find('\n'));
}

} // namespace

ChatTemplate::ChatTemplate(const llama_model * model, const std::string & override_template)
    : is_available(!override_template.empty() || llama_model_chat_template(model, nullptr) != nullptr) {
    if (!is_available) {
        return;
    }
    try {
        templates = common_chat_templates_init(model, override_template);
    } catch (const std::exception & e) {
        throw Error("template_error", "the chat template does not parse: " + first_line(e.what()));
    }
}

ChatTemplate::~ChatTemplate() = default;

std::string ChatTemplate::apply(const std::string & json, bool add_generation_prompt, bool continue_final_message) const {
    if (!is_available) {
        throw Error("template_error", "the model has no chat template; start with --chat-template");
    }
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
    } catch (const std::exception & e) {
        throw Error("template_error", first_line(e.what()));
    } catch (...) {
        throw Error("template_error", "the chat template failed");
    }
}

} // namespace pagoda
