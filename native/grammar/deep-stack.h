// A deep stack for work that recurses once per rule or reference in a grammar.
#pragma once

#include <functional>

namespace pagoda {

// Runs `work` on a separate thread and waits for it; only used stack pages take up memory. Rethrows any exception from `work`, or throws
// Error "grammar_unavailable" if no thread can be created.
void run_on_deep_stack(const std::function<void()> & work);

} // namespace pagoda
