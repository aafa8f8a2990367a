// One Jinja text, parsed by llama.cpp's engine and rendered within limits: an attempt has 2 s, makes at most
// 1 GiB of texts and lists on its way, and prints at most 8 MiB. Everything it throws is an Error.
// Thread-safe.
#pragma once

#include "json.h"

#include "jinja/runtime.h"

#include <string>

namespace pagoda {

class JinjaTemplate {
public:
    // Throws Error "template_error" for a text that does not parse, "template_limit" for one nested too deeply.
    explicit JinjaTemplate(const std::string & text);

    // It loops over the content of messages: that is to be a list of parts, a text otherwise.
    bool takes_content_parts() const { return takes_parts; }

    // variables: a JSON object. Throws Error "template_error" with the template's own words where it raises,
    // "template_limit".
    std::string render(const common_json & variables) const;

private:
    std::string    source; // as positions in the program refer to it
    jinja::program program;
    bool           takes_parts;
};

// What went wrong in one line, without the library's wrapping, its place in the template's source and its
// echo of the input.
std::string plain_message(std::string text);

} // namespace pagoda
