// A deep stack for work that recurses once per rule or reference of a grammar.
#pragma once

#include <functional>

namespace pagoda {

// Runs `work` on a thread of its own and waits for it; only the used pages of the stack take memory. Throws what
// `work` throws, or Error "grammar_unavailable" if there is no thread.
void run_on_deep_stack(const std::function<void()> & work);

} // namespace pagoda
