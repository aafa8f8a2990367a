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
    // override_template: Jinja text that replaces the model's; empty = the model's own
    ChatTemplate(const llama_model * model, const std::string & override_template);
    ~ChatTemplate();

    bool available() const { return is_available; }

    // json: {"messages": [...], "tools": [...] | null, "kwargs": {...}}
    // Throws Error "template_error" or "template_limit". The result does not begin with a BOS that the
    // tokenizer adds by itself.
    std::string apply(const std::string & json, bool add_generation_prompt, bool continue_final_message) const;

private:
    std::shared_ptr<common_chat_templates> templates;
    bool                                   is_available;
};

} // namespace pagoda
