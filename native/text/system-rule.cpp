// Finds the rule by rendering marked messages and looking for the marks.

#include "text/system-rule.h"

#include "error-codes.h"
#include "text/chat-messages.h"
#include "text/jinja-template.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>

namespace pagoda {

namespace {

using Said = std::pair<const char *, const char *>; // role and text

bool is_system(const common_json & message) {
    const std::string role = message.at("role").get<std::string>();
    return role == "system" || role == "developer";
}

// True if the template renders these messages, including the text of each one.
bool shows(const JinjaTemplate & jinja, std::initializer_list<Said> conversation) {
    common_json messages = common_json::array();
    for (const auto & [role, text] : conversation) {
        messages.push_back(common_json::object({ { "role", role }, { "content", text } }));
    }
    try {
        const std::string prompt = jinja.render(common_json::object({
            { "messages", template_messages(messages, jinja.takes_content_parts()) },
            { "add_generation_prompt", true },
            { "bos_token", "" },
            { "eos_token", "" },
        }));
        return std::all_of(conversation.begin(), conversation.end(), [&](const Said & said) {
            return prompt.find(said.second) != std::string::npos;
        });
    } catch (const Error &) {
        return false;
    }
}

// Appends one message's content to another's; both are text, or both are lists of parts.
void append_content(common_json & to, const common_json & from) {
    common_json & content = to["content"];
    if (content.is_array()) {
        for (const auto & part : from.at("content")) {
            content.push_back(part);
        }
        return;
    }
    const std::string text = content.get<std::string>();
    const std::string more = from.at("content").get<std::string>();
    content = text.empty() || more.empty() ? text + more : text + "\n\n" + more;
}

common_json folded(const common_json & messages, bool keeps_first) {
    common_json result     = common_json::array();
    bool        is_leading = keeps_first;
    bool        has_notes  = false; // the last message of the result has text of a system message
    for (const auto & message : messages) {
        const bool is_note = is_system(message);
        is_leading         = is_leading && is_note;
        common_json copy   = message;
        if (is_note) {
            copy["role"] = is_leading ? "system" : "user";
        }
        const bool is_same_role = !result.empty() && result.back().at("role") == copy.at("role");
        if (is_same_role && (is_note || has_notes)) {
            append_content(result.back(), copy);
        } else {
            result.push_back(copy);
        }
        has_notes = is_note && !is_leading;
    }
    return result;
}

} // namespace

bool has_system_messages(const common_json & messages) {
    return std::any_of(messages.begin(), messages.end(), is_system);
}

SystemRule SystemRule::of(const JinjaTemplate & jinja) {
    const Said user = { "user", "mark-u" }, assistant = { "assistant", "mark-a" }, last = { "user", "mark-v" };
    const Said first = { "system", "mark-s" }, second = { "system", "mark-t" }, later = { "system", "mark-w" };
    SystemRule rule;
    if (shows(jinja, { user, assistant, last })) {
        rule.takes_first     = shows(jinja, { first, user, assistant, last });
        rule.takes_others    = shows(jinja, { first, second, user, assistant, later, last });
        rule.takes_developer = shows(jinja, { { "developer", "mark-d" }, user, assistant, last });
    }
    return rule;
}

bool SystemRule::takes(const common_json & message, bool is_first) const {
    const std::string role = message.at("role").get<std::string>();
    if (role == "developer") {
        return takes_developer && (is_first || takes_others);
    }
    return role != "system" || (is_first ? takes_first : takes_others);
}

common_json SystemRule::applied_to(const common_json & messages) const {
    bool is_first = true;
    for (const auto & message : messages) {
        if (!takes(message, is_first)) {
            return folded(messages, takes_first);
        }
        is_first = false;
    }
    return messages;
}

} // namespace pagoda
