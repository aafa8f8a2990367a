// A deep stack for work that recurses once per rule or reference in a grammar.
#pragma once

#include <functional>

namespace pagoda {

// Runs `work` on a thread of its own and waits for it; only the stack pages that are used take memory. Throws whatever `work` throws, or
// Error "grammar_unavailable" if no thread can be created.
void run_on_deep_stack(const std::function<void()> & work);

} // namespace pagoda
