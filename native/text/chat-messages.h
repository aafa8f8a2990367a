// Converts a request's messages to the form that vLLM passes to transformers, so that a request gets the same
// prompt from both servers.
#pragma once

#include "json.h"

namespace pagoda {

// messages: [{role, content: null | text | [{text}], tool_calls, tool_call_id, name, reasoning_content}].
// Other members are left out. as_parts: content becomes a list of text parts; otherwise, one string with a line
// for each part. Arguments of tool calls become objects. Throws Error "template_error", or "template_limit"
// for more than 2048 messages or for arguments nested deeper than 64 levels or with too many members.
common_json template_messages(const common_json & messages, bool as_parts);

// Throws Error "template_limit", naming `what`, for brackets nested deeper than 64 levels or an object with
// more than 1024 members. Call it before parsing the JSON.
void check_json_shape(const std::string & json, const char * what);

} // namespace pagoda
