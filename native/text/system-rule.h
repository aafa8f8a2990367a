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
    bool takes_one     = true; // the first message can be a system message
    bool takes_several = true; // so can any other, and developers are known
};

} // namespace pagoda
