// A forward pass that cannot be made leaves nothing behind: neither memory, which the leak checker sees when the
// process ends, nor threads. An allocation of a chosen size fails once context and threads are there. The argument is
// a model file. Built with sanitizers by test/native/forward-pass.test.ts.

#include "model/forward-pass.h"
#include "model/model-file.h"

#include "llama-cpp.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>

namespace {

size_t failing_size = 0; // 0 = none

} // namespace

void * operator new(size_t size) {
    void * memory = size == failing_size ? nullptr : std::malloc(size);
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

// 1 where the system does not list them.
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

// Makes a forward pass while allocations of `size` fail. Returns whether one did.
bool fails(llama_model * model, size_t size) {
    const ForwardPassParams p = params();
    failing_size = size;
    bool has_failed = false;
    try {
        ForwardPass pass(model, p);
    } catch (const std::bad_alloc &) {
        has_failed = true;
    }
    failing_size = 0;
    return has_failed;
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
    const int before = num_threads();
    expect(fails(model.get(), sizeof(ActivationStore)), "no store of activations was to be made");
    expect(num_threads() == before, "threads are left when the store cannot be made");
    expect(fails(model.get(), sizeof(SampleRows)), "no sampler was to be made");
    expect(num_threads() == before, "threads are left when the sampler cannot be made");
    expect(!fails(model.get(), 0), "a forward pass is not made");
    expect(num_threads() == before, "threads are left by a whole forward pass");
    if (n_faults == 0) {
        std::printf("forward-pass ok\n");
    }
    return n_faults == 0 ? 0 : 1;
}
