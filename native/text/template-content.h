// Decides from a template's source whether it expects a message's content as a string or as a list of parts. The
// rule is vLLM's (_detect_content_format): parts if it loops over `message.content`, where `message` is the
// variable of a loop over `messages`, through any filters, tests and slices.
#pragma once

namespace jinja {
struct program;
}

namespace pagoda {

bool loops_over_content(const jinja::program & program);

} // namespace pagoda
