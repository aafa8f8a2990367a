// Finds llguidance's functions, either linked statically or in the shared library of its Python package.

#include "grammar/llguidance.h"

#include <dlfcn.h>
#include <string>

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
DECLARE(matcher_get_cancellation_handle)
DECLARE(cancel)
DECLARE(free_cancellation_handle)
DECLARE(matcher_is_cancelled)
DECLARE(matcher_validate_tokens)
DECLARE(matcher_compute_ff_tokens)
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
    FUNCTION(matcher_get_cancellation_handle),
    FUNCTION(cancel),
    FUNCTION(free_cancellation_handle),
    FUNCTION(matcher_is_cancelled),
    FUNCTION(matcher_validate_tokens),
    FUNCTION(matcher_compute_ff_tokens),
};
#undef FUNCTION

} // namespace

const Llguidance * llguidance() { return &LINKED; }

#else

namespace {

// Opens the Python package's library, after a library that defines the Python symbols that it refers to. Both are in the
// addon's folder if scripts/grammar-wheel.ts put them there.
void * open_library() {
    Dl_info self;
    if (dladdr(reinterpret_cast<void *>(&open_library), &self) == 0) {
        return nullptr;
    }
    const std::string path   = self.dli_fname;
    const std::string folder = path.substr(0, path.rfind('/') + 1);
    if (!dlopen((folder + "pagoda-python.so").c_str(), RTLD_NOW | RTLD_GLOBAL)) {
        return nullptr;
    }
    return dlopen((folder + "pagoda-llguidance.so").c_str(), RTLD_NOW | RTLD_LOCAL);
}

template <class F> void find(void * library, const char * name, F & function) {
    function = reinterpret_cast<F>(dlsym(library, name));
}

// Null if the library is missing or has a different version.
const Llguidance * open_functions() {
    static Llguidance shared = {};
    void * library = open_library();
    if (!library) {
        return nullptr;
    }
#define FIND(name) find(library, "llg_" #name, shared.name)
    FIND(get_version);
    FIND(new_tokenizer_v2);
    FIND(free_tokenizer);
    FIND(constraint_init_set_defaults);
    FIND(new_matcher);
    FIND(clone_matcher);
    FIND(free_matcher);
    FIND(matcher_get_error);
    FIND(matcher_is_stopped);
    FIND(matcher_compute_mask);
    FIND(matcher_get_mask);
    FIND(matcher_consume_token);
    FIND(matcher_get_cancellation_handle);
    FIND(cancel);
    FIND(free_cancellation_handle);
    FIND(matcher_is_cancelled);
    FIND(matcher_validate_tokens);
    FIND(matcher_compute_ff_tokens);
#undef FIND
    const bool is_known = shared.get_version && std::string(shared.get_version()).rfind("llguidance@1.9.1", 0) == 0;
    return is_known ? &shared : nullptr;
}

} // namespace

const Llguidance * llguidance() {
    static const Llguidance * functions = open_functions();
    return functions;
}

#endif

} // namespace pagoda
