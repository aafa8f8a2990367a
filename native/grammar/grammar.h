// A compiled grammar, and one sequence's state in it.
#pragma once

#include "grammar/deadline.h"
#include "grammar/grammar-tokens.h"

#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace pagoda {

struct MatcherDeleter {
    void operator()(LlgMatcher * matcher) const;
};
using MatcherPointer = std::unique_ptr<LlgMatcher, MatcherDeleter>;

struct CancellationDeleter {
    void operator()(LlgCancellationHandle * handle) const;
};
using CancellationPointer = std::unique_ptr<LlgCancellationHandle, CancellationDeleter>;

// Used by one thread at a time.
class Matcher {
public:
    Matcher(std::shared_ptr<const GrammarTokens> tokens, MatcherPointer matcher);

    // [(n_vocab + 31) / 32] Bit i % 32 of word i / 32 is 1 if token i may come next. After the end of the grammar, only end tokens may come
    // next. Valid until the next consume(). Null if the grammar has exceeded a limit, such as its time.
    const uint32_t * mask();
    bool             is_computed() const { return computed; }

    // Advances by a token that the mask allows. Any other token breaks the matcher, and mask() is null from then on.
    void consume(int32_t token);

    // Returns how many of the tokens, one after another, the grammar allows; 0 after its end. Does not change the state.
    int32_t count_allowed(const std::vector<int32_t> & ids) const;

    // Returns the first tokens, at most max, that follow in every text that fits the grammar; each of them is the only one that its
    // mask allows. Empty if the next token is open, and at the end of the grammar.
    std::vector<int32_t> forced(size_t max);

private:
    template <class F> bool succeeds_in_time(F && work);

    std::shared_ptr<const GrammarTokens> tokens; // outlives the matcher
    MatcherPointer                       matcher;
    CancellationPointer                  cancellation;
    std::chrono::nanoseconds             time_left;
    const uint32_t *                     current  = nullptr;
    bool                                 computed = false;
};

class Grammar {
public:
    // kind: "json_schema", "regex" or "lark". Throws Error "grammar_error" if the text is invalid, cannot be enforced
    // or is too complex.
    Grammar(std::shared_ptr<const GrammarTokens> tokens, const std::string & kind, const std::string & text);

    std::unique_ptr<Matcher> start() const;

private:
    std::shared_ptr<const GrammarTokens> tokens; // outlives the matcher
    MatcherPointer                       fresh;  // copied for each sequence
};

// Grammars by handle; handles start at 1 and are not reused.
class GrammarPool {
public:
    int32_t                        add(std::shared_ptr<const Grammar> grammar);
    bool                           release(int32_t handle);
    std::shared_ptr<const Grammar> find(int32_t handle) const; // null = unknown

private:
    std::unordered_map<int32_t, std::shared_ptr<const Grammar>> grammars;
    int32_t                                                     next = 1;
};

} // namespace pagoda
