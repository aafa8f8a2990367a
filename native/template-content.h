// Whether a template wants the content of a message as a text or as a list of parts, seen from its source
// as vLLM sees it (_detect_content_format): "a loop over `message.content`, in which `message` is what a
// loop over `messages` goes through", whatever filters, tests and slices are on the way.
#pragma once

namespace jinja {
struct program;
}

namespace pagoda {

bool loops_over_content(const jinja::program & program);

} // namespace pagoda
