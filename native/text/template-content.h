// Determines whether a template expects a message's content as a string or as a list of parts. Follows vLLM's
// _detect_content_format: a template expects parts if it loops over `message.content`, where `message` is the
// variable of a loop over `messages`. Filters, tests and slices on either expression are ignored.
#pragma once

namespace jinja {
struct program;
}

namespace pagoda {

bool loops_over_content(const jinja::program & program);

} // namespace pagoda
