// A model's chat template, which turns a conversation into a prompt. The prompt is identical to the output of transformers'
// apply_chat_template, except for a BOS or EOS token that the tokenizer adds by itself. Thread-safe.
#pragma once

#include "json.h"
#include "text/jinja-template.h"
#include "text/recent-templates.h"

#include "llama.h"

#include <memory>
#include <string>

namespace pagoda {

struct ChatTemplateInput {
    // {"messages": [...], "tools": [...] | null, "documents": [...] | null, "kwargs": {...}}, at most 8 MiB and
    // 100 levels; kwargs are additional variables for the template.
    std::string json;
    std::string chat_template; // Jinja source that replaces the model's, at most 256 KiB; empty = the model's
    std::string content_format; // of message content: "string" or "openai" (a list of parts); empty = the format that the template expects
    bool        add_generation_prompt  = false;
    bool        continue_final_message = false; // the prompt ends with the text of the last message
    bool        add_special_tokens     = false; // keep the template's BOS or EOS in addition to the tokenizer's
};

class ChatTemplate {
public:
    // override_template: Jinja source that replaces the model's; empty = the model's own. Throws Error
    // "template_error" if it does not parse, "template_limit" if it is nested too deeply.
    ChatTemplate(const llama_model * model, const std::string & override_template);

    // True if there is a template, whether from the model or as an override.
    bool available() const { return main != nullptr; }

    // Throws Error "template_error" (with the template's own message if it raises) or "template_limit".
    std::string apply(const ChatTemplateInput & input) const;

private:
    std::shared_ptr<const JinjaTemplate> choose(const ChatTemplateInput & input, const common_json & body) const;
    std::string without_own_tokens(std::string prompt) const;

    std::shared_ptr<const JinjaTemplate> main;     // null = none
    std::shared_ptr<const JinjaTemplate> tool_use; // null = main also handles conversations with tools
    common_json special_tokens;                    // keyed by the names that templates use: bos_token, ...
    std::string bos, eos;                          // tokens that the tokenizer adds by itself; empty = none
    mutable RecentTemplates recent;
};

} // namespace pagoda
