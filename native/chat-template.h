// Renders the model's chat template through llama.cpp's common/chat. Checks size and depth before any
// recursive code sees the input; everything it throws becomes an Error. Thread-safe.
#pragma once

#include "llama.h"

#include <memory>
#include <string>

struct common_chat_templates;

namespace pagoda {

class ChatTemplate {
public:
    // override_template: Jinja text that replaces the model's; empty = the model's own. Throws Error
    // "template_error" when it does not parse, "template_limit" when it is nested too deeply.
    ChatTemplate(const llama_model * model, const std::string & override_template);
    ~ChatTemplate();

    // The model, or the override, has a template.
    bool available() const { return templates != nullptr; }

    // json: {"messages": [...], "tools": [...] | null, "kwargs": {...}}, at most 8 MiB, 64 levels and 2048
    // messages. continue_final_message leaves the last message open instead of adding a turn. The result
    // does not begin with a BOS that the tokenizer adds by itself. Throws Error "template_error" (with
    // the template's own words where it raises) or "template_limit".
    std::string apply(const std::string & json, bool add_generation_prompt, bool continue_final_message) const;

private:
    std::shared_ptr<const common_chat_templates> templates; // null = none
};

} // namespace pagoda
