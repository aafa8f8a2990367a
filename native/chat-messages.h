// A request's messages as a template is given them: in the form to which vLLM brings them before it calls
// transformers, so that one prompt comes of one request on either server.
#pragma once

#include "json.h"

namespace pagoda {

// messages: [{role, content: null | text | [{text}], tool_calls, tool_call_id, name, reasoning_content}];
// what else they hold is left out. as_parts: content becomes a list of text parts, otherwise a text with a
// line for each part. Arguments of calls become objects. Throws Error "template_error", "template_limit" for
// more than 2048 messages or arguments nested deeper than 64 levels or with too many members.
common_json template_messages(const common_json & messages, bool as_parts);

// Throws Error "template_limit", naming what, for brackets nested deeper than 64 levels and for an object of more
// than 1024 members. Called before the text is parsed.
void check_json_shape(const std::string & json, const char * what);

} // namespace pagoda
