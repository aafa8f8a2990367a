// Where a chat template accepts system messages. Agents send several, anywhere in a conversation, but some templates
// raise unless there is only one, at the start, and others silently leave out the rest.
#pragma once

#include "json.h"

namespace pagoda {

class JinjaTemplate;

// messages: as template_messages() returns them. True if one has the role "system" or "developer".
bool has_system_messages(const common_json & messages);

class SystemRule {
public:
    // The rule of a template that cannot render a conversation without any system message is unknown: it takes all.
    static SystemRule of(const JinjaTemplate & jinja);

    // Returns the messages so that the template shows all of them. Developers become the system, the leading system
    // messages become one, and each later one is folded into the user's message next to it, since such templates want
    // user and assistant to alternate. If the template takes no system message at all, the leading one is folded, too.
    common_json applied_to(const common_json & messages) const;

private:
    bool takes(const common_json & message, bool is_first) const;

    bool takes_first     = true; // a system message as the first one
    bool takes_others    = true; // system messages after the first, and in the middle
    bool takes_developer = true; // a developer's message
};

} // namespace pagoda
