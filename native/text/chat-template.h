// A model's chat template: what prompt comes of a conversation. The prompt is what transformers'
// apply_chat_template gives for it, apart from a BOS or EOS that the tokenizer adds by itself. Thread-safe.
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
    // 64 levels; kwargs are further variables of the template.
    std::string json;
    std::string chat_template; // Jinja text, at most 256 KiB, instead of the model's; empty = the model's
    bool        add_generation_prompt  = false;
    bool        continue_final_message = false; // the prompt ends with what the last message says
    bool        add_special_tokens     = false; // a BOS or EOS of the template stays, beside the tokenizer's own
};

class ChatTemplate {
public:
    // override_template: Jinja text that replaces the model's; empty = the model's own. Throws Error
    // "template_error" when it does not parse, "template_limit" when it is nested too deeply.
    ChatTemplate(const llama_model * model, const std::string & override_template);

    // The model, or the override, has a template.
    bool available() const { return main != nullptr; }

    // Throws Error "template_error" (with the template's own words where it raises) or "template_limit".
    std::string apply(const ChatTemplateInput & input) const;

private:
    std::shared_ptr<const JinjaTemplate> choose(const ChatTemplateInput & input, const common_json & body) const;
    std::string without_own_tokens(std::string prompt) const;

    std::shared_ptr<const JinjaTemplate> main;     // null = none
    std::shared_ptr<const JinjaTemplate> tool_use; // null = main serves conversations with tools, too
    common_json special_tokens;                    // by the names that templates know: bos_token, ...
    std::string bos, eos;                          // what the tokenizer adds by itself; empty = nothing
    mutable RecentTemplates recent;
};

} // namespace pagoda
