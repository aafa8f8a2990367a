// Checks that a forward pass whose creation fails leaks neither memory, which the leak checker would report
// at exit, nor threads. The failing allocation is the last one of a size that is used once the context and
// the threads exist. The argument is a model file. Built with sanitizers by test/native/forward-pass.test.ts.

#include "model/forward-pass.h"
#include "model/model-file.h"

#include "llama-cpp.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>

namespace {

size_t watched_size = 0;
int    n_watched    = 0;  // allocations of that size so far
int    failing      = -1; // index of the allocation that fails; -1 = none

} // namespace

void * operator new(size_t size) {
    const bool is_failing = size == watched_size && n_watched++ == failing;
    void *     memory     = is_failing ? nullptr : std::malloc(size);
    if (!memory) {
        throw std::bad_alloc();
    }
    return memory;
}
void operator delete(void * memory) noexcept { std::free(memory); }
void operator delete(void * memory, size_t) noexcept { std::free(memory); }

using namespace pagoda;

namespace {

int n_faults = 0;

void expect(bool holds, const char * what) {
    if (!holds) {
        ++n_faults;
        std::printf("FAULT %s\n", what);
    }
}

// Number of threads of this process; 1 if the system does not list them.
int num_threads() {
    std::error_code error;
    int n = 0;
    for (const auto & thread : std::filesystem::directory_iterator("/proc/self/task", error)) {
        (void) thread;
        ++n;
    }
    return error ? 1 : n;
}

ForwardPassParams params() {
    ForwardPassParams p = {};
    p.n_blocks   = 8;
    p.block_size = 16;
    p.max_seqs   = 2;
    p.max_tokens = 32;
    p.n_threads  = 3;
    p.attention  = &paged_attention();
    p.kv_type    = GGML_TYPE_F16;
    return p;
}

// Creates a forward pass. Returns its number of allocations of `size`, or -1 if one of them failed.
int make(llama_model * model, size_t size, int which_fails) {
    const ForwardPassParams p = params();
    watched_size = size;
    n_watched    = 0;
    failing      = which_fails;
    try {
        AdapterTable adapters(0, 1, {});
        ForwardPass pass(model, p, adapters);
        watched_size = 0;
        return n_watched;
    } catch (const std::bad_alloc &) {
        return -1;
    }
}

void check(llama_model * model, size_t size, const char * what) {
    const int before = num_threads();
    const int n      = make(model, size, -1);
    expect(n > 0, what);
    expect(num_threads() == before, "threads are left over from a complete forward pass");
    expect(make(model, size, n - 1) == -1, what);
    expect(num_threads() == before, "threads are left over from a forward pass that failed to start");
}

} // namespace

int main(int, char ** argv) {
    install_log_capture();
    llama_backend_init();
    const llama_model_ptr model(llama_model_load_from_file(argv[1], llama_model_default_params()));
    expect(model != nullptr, "the model is not loaded");
    if (!model) {
        return 1;
    }
    check(model.get(), sizeof(ActivationStore), "the activation store is created");
    check(model.get(), sizeof(SampleRows), "the sampler is created");
    if (n_faults == 0) {
        std::printf("forward-pass ok\n");
    }
    return n_faults == 0 ? 0 : 1;
}
