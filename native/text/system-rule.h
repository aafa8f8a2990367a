// The rule for where a chat template accepts system messages. Agents send several of them, anywhere in a conversation.
// Some templates raise an error unless there is only one, at the start, and others silently drop the rest.
#pragma once

#include "json.h"

namespace pagoda {

class JinjaTemplate;

// messages: as returned by template_messages(). True if any of them has the role "system" or "developer".
bool has_system_messages(const common_json & messages);

class SystemRule {
public:
    // If a template cannot render even a conversation without system messages, its rule is unknown, and it is assumed to accept all of
    // them.
    static SystemRule of(const JinjaTemplate & jinja);

    // Returns the messages in a form that makes the template show all of them. Developer messages become system
    // messages, leading system messages are merged into one, and each later one is folded into the user message next to
    // it, since such templates expect user and assistant to alternate. If the template accepts no system message at
    // all, the leading one is folded in as well.
    common_json applied_to(const common_json & messages) const;

private:
    bool takes(const common_json & message, bool is_first) const;

    bool takes_first     = true; // a system message at the start
    bool takes_others    = true; // system messages after the first, and in the middle
    bool takes_developer = true; // messages with the role "developer"
};

} // namespace pagoda
