// One Jinja template, parsed by llama.cpp's engine and rendered within limits: rendering takes at most 2 s, creates
// strings and lists of at most 64 MiB each and 1 GiB in total along the way, and outputs at most 8 MiB. Throws nothing
// but Error. Thread-safe.
#pragma once

#include "json.h"

#include "text/system-rule.h"

#include "jinja/runtime.h"

#include <mutex>
#include <string>

namespace pagoda {

class JinjaTemplate {
public:
    // Throws Error "template_error" if the text does not parse, "template_limit" if it is nested too deeply.
    explicit JinjaTemplate(const std::string & text);

    // True if the template loops over message content, that is, expects a list of parts and not a string.
    bool takes_content_parts() const { return takes_parts; }

    // System messages that the template shows, determined at the first call by rendering three short conversations.
    const SystemRule & system_rule() const;

    // variables: a JSON object. Throws Error "template_error", with the template's own message if it raises, or
    // "template_limit".
    std::string render(const common_json & variables) const;

private:
    std::string    source; // positions in the program refer to this copy
    jinja::program program;
    bool           takes_parts;
    mutable std::once_flag has_rule;
    mutable SystemRule     rule;
};

// Reduces the Jinja library's error message to one line: removes the prefixes, the position in the source, and the
// echoed input.
std::string plain_message(std::string text);

} // namespace pagoda
