// Chooses the template, sets its variables and extracts the prompt from the rendered text.

#include "text/chat-template.h"

#include "error-codes.h"
#include "text/chat-messages.h"

#include "jinja/string.h"

#include <cstring>
#include <exception>
#include <utility>

namespace pagoda {

namespace {

constexpr size_t MAX_JSON_BYTES = 8u << 20;

// The mark that transformers uses. Its trailing space shows whether the template keeps trailing whitespace.
const std::string MARK       = "CONTINUE_FINAL_MESSAGE_TAG";
const std::string MARK_BLANK = MARK + " ";

std::shared_ptr<const JinjaTemplate> template_of(const llama_model * model, const char * name) {
    const char * text = llama_model_chat_template(model, name);
    return text == nullptr || *text == '\0' ? nullptr : std::make_shared<const JinjaTemplate>(text);
}

std::string token_text(const llama_vocab * vocab, llama_token token) {
    if (token == LLAMA_TOKEN_NULL) {
        return "";
    }
    std::string text(64, '\0');
    int length = llama_token_to_piece(vocab, token, text.data(), (int) text.size(), 0, true);
    if (length < 0) {
        text.resize(-length);
        length = llama_token_to_piece(vocab, token, text.data(), (int) text.size(), 0, true);
    }
    text.resize(length);
    return text;
}

common_json special_tokens_of(const llama_vocab * vocab) {
    const std::pair<const char *, llama_token> tokens[] = {
        { "bos_token", llama_vocab_bos(vocab) }, { "eos_token", llama_vocab_eos(vocab) },   { "pad_token", llama_vocab_pad(vocab) },
        { "sep_token", llama_vocab_sep(vocab) }, { "mask_token", llama_vocab_mask(vocab) },
    };
    common_json names = common_json::object();
    for (const auto & [name, token] : tokens) {
        if (token != LLAMA_TOKEN_NULL) {
            names[name] = token_text(vocab, token);
        }
    }
    return names;
}

common_json read_body(const std::string & json) {
    if (json.size() > MAX_JSON_BYTES) {
        throw Error("template_limit", "the messages are longer than 8 MiB");
    }
    check_json_shape(json, "the messages");
    try {
        common_json body = common_json::parse_exact(json);
        if (!body.is_object() || !body.contains("messages")) {
            throw Error("template_error", "messages must be an array");
        }
        return body;
    } catch (const common_json_error & e) {
        throw Error("template_error", plain_message(e.what()));
    }
}

common_json field(const common_json & body, const char * name) {
    return body.contains(name) ? body.at(name) : common_json();
}

std::string stripped(const std::string & text, bool left) {
    return jinja::string(text).strip(left, true).str();
}

// Appends the mark to the last text of the last message. Returns that text.
std::string mark_end(common_json & messages) {
    common_json & content = messages.back()["content"];
    if (content.is_array() && content.empty()) {
        throw Error("template_error", "continue_final_message is set, but the final message has no text to continue");
    }
    common_json & text = content.is_array() ? content.back()["text"] : content;
    const std::string end = text.get<std::string>();
    text = end + MARK_BLANK;
    return end;
}

// Follows transformers' render_jinja_template for continue_final_message.
std::string cut_at_mark(const std::string & prompt, const std::string & final_text) {
    const size_t at = prompt.rfind(MARK);
    if (at == std::string::npos || jinja::find_text(prompt, stripped(final_text, true)) == std::string::npos) {
        throw Error("template_error",
                    "continue_final_message is set, but the chat template drops the final message or changes its text");
    }
    const bool keeps_blanks = prompt.compare(at, MARK_BLANK.size(), MARK_BLANK) == 0;
    return keeps_blanks ? prompt.substr(0, at) : stripped(prompt.substr(0, at), false);
}

} // namespace

ChatTemplate::ChatTemplate(const llama_model * model, const std::string & override_template) {
    const llama_vocab * vocab = llama_model_get_vocab(model);
    special_tokens = special_tokens_of(vocab);
    bos = llama_vocab_get_add_bos(vocab) ? token_text(vocab, llama_vocab_bos(vocab)) : "";
    eos = llama_vocab_get_add_eos(vocab) ? token_text(vocab, llama_vocab_eos(vocab)) : "";
    if (!override_template.empty()) {
        main = std::make_shared<const JinjaTemplate>(override_template);
        return;
    }
    main     = template_of(model, nullptr);
    tool_use = template_of(model, "tool_use");
    if (main == nullptr) {
        main = tool_use;
    }
}

std::shared_ptr<const JinjaTemplate> ChatTemplate::choose(const ChatTemplateInput & input, const common_json & body) const {
    if (!input.chat_template.empty()) {
        return recent.parse(input.chat_template);
    }
    if (!available()) {
        throw Error("template_error", "the model has no chat template; pass --chat-template");
    }
    return tool_use != nullptr && !field(body, "tools").is_null() ? tool_use : main;
}

std::string ChatTemplate::without_own_tokens(std::string prompt) const {
    if (!bos.empty() && prompt.compare(0, bos.size(), bos) == 0) {
        prompt.erase(0, bos.size());
    }
    const bool ends = !eos.empty() && prompt.size() >= eos.size() && prompt.compare(prompt.size() - eos.size(), eos.size(), eos) == 0;
    if (ends) {
        prompt.erase(prompt.size() - eos.size());
    }
    return prompt;
}

std::string ChatTemplate::apply(const ChatTemplateInput & input) const {
    const common_json body = read_body(input.json);
    const auto   jinja     = choose(input, body);
    const bool   as_parts  = input.content_format.empty() ? jinja->takes_content_parts() : input.content_format == "openai";
    common_json  messages  = template_messages(body.at("messages"), as_parts);
    if (has_system_messages(messages)) {
        messages = jinja->system_rule().applied_to(messages);
    }
    const std::string end  = input.continue_final_message ? mark_end(messages) : "";
    common_json variables  = special_tokens;
    const common_json kwargs = field(body, "kwargs");
    if (kwargs.is_object()) {
        for (const auto & entry : kwargs.items()) {
            variables[entry.key()] = entry.value();
        }
    }
    variables["messages"]              = messages;
    variables["tools"]                 = field(body, "tools");
    variables["documents"]             = field(body, "documents");
    variables["add_generation_prompt"] = input.add_generation_prompt;
    std::string prompt = jinja->render(variables);
    if (input.continue_final_message) {
        prompt = cut_at_mark(prompt, end);
    }
    return input.add_special_tokens ? prompt : without_own_tokens(std::move(prompt));
}

} // namespace pagoda
