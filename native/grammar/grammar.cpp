// Limits bound the cost of a mask to about 50 ms and 100 MB, even for a hostile grammar. Compile time is bounded by the API's limits on
// text lengths and by a limit on the size of the compiled grammar.

#include "grammar/grammar.h"

#include "error-codes.h"
#include "grammar/deep-stack.h"

#include <algorithm>

namespace pagoda {

namespace {

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

Matcher::Matcher(std::shared_ptr<const GrammarTokens> owner, MatcherPointer m) : tokens(std::move(owner)), matcher(std::move(m)) {}

const uint32_t * Matcher::mask() {
    if (!computed) {
        const bool ok = llguidance()->matcher_compute_mask(matcher.get()) == 0;
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
    computed = false;
    if (!is_allowed || llguidance()->matcher_consume_token(matcher.get(), (uint32_t) token) != 0) {
        current  = nullptr;
        computed = true;
    }
}

int32_t Matcher::count_allowed(const std::vector<int32_t> & ids) const {
    if ((computed && !current) || llguidance()->matcher_is_stopped(matcher.get())) {
        return 0; // asked about tokens after the end, llguidance would break the matcher
    }
    const std::vector<uint32_t> list(ids.begin(), ids.end());
    return std::max(0, llguidance()->matcher_validate_tokens(matcher.get(), list.data(), list.size()));
}

Grammar::Grammar(std::shared_ptr<const GrammarTokens> owner, const std::string & kind, const std::string & text)
    : tokens(std::move(owner)) {
    const LlgConstraintInit init = constraint_init(*tokens);
    run_on_deep_stack([&] { fresh.reset(llguidance()->new_matcher(&init, kind.c_str(), text.c_str())); });
    if (const char * error = llguidance()->matcher_get_error(fresh.get())) {
        throw Error("grammar_error", error);
    }
    if (llguidance()->matcher_compute_mask(fresh.get()) != 0) {
        throw Error("grammar_error", "no text fits the grammar");
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
