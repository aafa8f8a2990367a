// Finds llguidance's functions, either linked statically or in the shared library of its Python package.

#include "grammar/llguidance.h"

#if defined(PAGODA_GRAMMAR_STATIC)

extern "C" {
#define DECLARE(name) void llg_##name();
DECLARE(get_version)
DECLARE(new_tokenizer_v2)
DECLARE(free_tokenizer)
DECLARE(constraint_init_set_defaults)
DECLARE(new_matcher)
DECLARE(clone_matcher)
DECLARE(free_matcher)
DECLARE(matcher_get_error)
DECLARE(matcher_is_stopped)
DECLARE(matcher_compute_mask)
DECLARE(matcher_get_mask)
DECLARE(matcher_consume_token)
#undef DECLARE
}

#endif

namespace pagoda {

#if defined(PAGODA_GRAMMAR_STATIC)

namespace {

template <class F> F as(void (*function)()) { return reinterpret_cast<F>(function); }

#define FUNCTION(name) as<decltype(Llguidance::name)>(llg_##name)
const Llguidance LINKED = {
    FUNCTION(get_version),
    FUNCTION(new_tokenizer_v2),
    FUNCTION(free_tokenizer),
    FUNCTION(constraint_init_set_defaults),
    FUNCTION(new_matcher),
    FUNCTION(clone_matcher),
    FUNCTION(free_matcher),
    FUNCTION(matcher_get_error),
    FUNCTION(matcher_is_stopped),
    FUNCTION(matcher_compute_mask),
    FUNCTION(matcher_get_mask),
    FUNCTION(matcher_consume_token),
};
#undef FUNCTION

} // namespace

const Llguidance * llguidance() { return &LINKED; }

#else

const Llguidance * llguidance() { return nullptr; }

#endif

} // namespace pagoda
