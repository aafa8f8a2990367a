// Limits bound a hostile grammar's memory to about 100 MB per sequence, and deadlines bound its time. Compile time is bounded by the API's
// limits on text lengths and by a limit on the size of the compiled grammar.

#include "grammar/grammar.h"

#include "error-codes.h"
#include "grammar/deep-stack.h"

#include <algorithm>

namespace pagoda {

namespace {

// CPU time for a sequence's masks: a budget that each token refills up to a maximum. Typical masks take less than 1 ms.
constexpr std::chrono::milliseconds MAX_TIME_LEFT(300);
constexpr std::chrono::milliseconds TIME_PER_TOKEN(20);

// CPU time for the first mask, which is computed with the grammar, outside of steps.
constexpr std::chrono::seconds MAX_FIRST_MASK(2);

CancellationPointer cancellation_of(LlgMatcher * matcher) {
    return CancellationPointer(llguidance()->matcher_get_cancellation_handle(matcher));
}

LlgConstraintInit constraint_init(const GrammarTokens & tokens) {
    LlgConstraintInit init = {};
    llguidance()->constraint_init_set_defaults(&init, tokens.get());
    init.log_buffer_level        = 0;
    init.log_stderr_level        = 0;
    init.limits.max_lexer_states = 50000;
    init.limits.max_items_in_row = 20000;
    init.limits.step_max_items   = 200000;
    init.limits.verbose_errors   = false;
    return init;
}

} // namespace

void MatcherDeleter::operator()(LlgMatcher * matcher) const { llguidance()->free_matcher(matcher); }

void CancellationDeleter::operator()(LlgCancellationHandle * handle) const { llguidance()->free_cancellation_handle(handle); }

Matcher::Matcher(std::shared_ptr<const GrammarTokens> owner, MatcherPointer m)
    : tokens(std::move(owner)), matcher(std::move(m)), cancellation(cancellation_of(matcher.get())), time_left(MAX_TIME_LEFT) {}

// Returns false if the work fails or exceeds the time left.
template <class F> bool Matcher::succeeds_in_time(F && work) {
    const Deadline deadline(cancellation.get(), time_left);
    const bool     ok = work() == 0;
    time_left = std::max(time_left - deadline.elapsed(), std::chrono::nanoseconds(0));
    return ok;
}

const uint32_t * Matcher::mask() {
    if (!computed) {
        const bool ok = succeeds_in_time([&] { return llguidance()->matcher_compute_mask(matcher.get()); });
        current  = ok ? llguidance()->matcher_get_mask(matcher.get()) : nullptr;
        computed = true;
    }
    return current;
}

// After the grammar's end, further end tokens change nothing, because requests that ignore end tokens continue.
void Matcher::consume(int32_t token) {
    const uint32_t * allowed = mask();
    const bool is_allowed = allowed && (allowed[token / 32] >> (token % 32) & 1) != 0;
    if (is_allowed && llguidance()->matcher_is_stopped(matcher.get())) {
        return;
    }
    computed  = false;
    time_left = std::min<std::chrono::nanoseconds>(time_left + TIME_PER_TOKEN, MAX_TIME_LEFT);
    if (!is_allowed || !succeeds_in_time([&] { return llguidance()->matcher_consume_token(matcher.get(), (uint32_t) token); })) {
        current  = nullptr;
        computed = true;
    }
}

int32_t Matcher::count_allowed(const std::vector<int32_t> & ids) const {
    if ((computed && !current) || llguidance()->matcher_is_stopped(matcher.get())) {
        return 0; // llguidance breaks the matcher if it is asked about tokens after the end
    }
    const std::vector<uint32_t> list(ids.begin(), ids.end());
    const Deadline deadline(cancellation.get(), time_left);
    return std::max(0, llguidance()->matcher_validate_tokens(matcher.get(), list.data(), list.size()));
}

// The mask is computed from these tokens, so it takes no additional time later, and it fails if they do.
std::vector<int32_t> Matcher::forced(size_t max) {
    if ((computed && !current) || llguidance()->matcher_is_stopped(matcher.get())) {
        return {};
    }
    std::vector<uint32_t> ids(max);
    int32_t n = 0;
    const bool ok = succeeds_in_time([&] {
        n = llguidance()->matcher_compute_ff_tokens(matcher.get(), ids.data(), ids.size());
        return n < 0 ? n : 0;
    });
    current  = nullptr; // the call has freed it
    computed = !ok;
    return { ids.begin(), ids.begin() + (ok ? n : 0) };
}

Grammar::Grammar(std::shared_ptr<const GrammarTokens> owner, const std::string & kind, const std::string & text)
    : tokens(std::move(owner)) {
    const LlgConstraintInit init = constraint_init(*tokens);
    run_on_deep_stack([&] { fresh.reset(llguidance()->new_matcher(&init, kind.c_str(), text.c_str())); });
    if (const char * error = llguidance()->matcher_get_error(fresh.get())) {
        throw Error("grammar_error", error);
    }
    const CancellationPointer cancellation = cancellation_of(fresh.get());
    const Deadline            deadline(cancellation.get(), MAX_FIRST_MASK);
    if (llguidance()->matcher_compute_mask(fresh.get()) != 0) {
        const bool is_late = llguidance()->matcher_is_cancelled(fresh.get());
        throw Error("grammar_error", is_late ? "it is too complex" : "no text fits the grammar");
    }
}

std::unique_ptr<Matcher> Grammar::start() const {
    return std::make_unique<Matcher>(tokens, MatcherPointer(llguidance()->clone_matcher(fresh.get())));
}

int32_t GrammarPool::add(std::shared_ptr<const Grammar> grammar) {
    const int32_t handle = next++;
    grammars.emplace(handle, std::move(grammar));
    return handle;
}

bool GrammarPool::release(int32_t handle) { return grammars.erase(handle) > 0; }

std::shared_ptr<const Grammar> GrammarPool::find(int32_t handle) const {
    const auto it = grammars.find(handle);
    return it == grammars.end() ? nullptr : it->second;
}

} // namespace pagoda
