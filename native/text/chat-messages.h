// Converts a request's messages to the form that vLLM passes to transformers, so that both servers build the same prompt for the request.
#pragma once

#include "json.h"

namespace pagoda {

// messages: [{role, content: null | text | [{text}], tool_calls, tool_call_id, name, reasoning_content}]. Other members are dropped.
// as_parts: if true, the content becomes a list of text parts; otherwise, it becomes one string with one line per part. Tool call arguments
// become objects. Throws Error "template_error", or "template_limit" for more than 2048 messages or for arguments that check_json_shape()
// rejects.
common_json template_messages(const common_json & messages, bool as_parts);

// Throws Error "template_limit", with `what` in its message, if brackets are nested deeper than 100 levels or an
// object has more than 1024 members. Must be called before the JSON is parsed.
void check_json_shape(const std::string & json, const char * what);

} // namespace pagoda
