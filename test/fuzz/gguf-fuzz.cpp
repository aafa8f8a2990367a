// Reads arbitrary bytes as a model file's header, which must succeed or throw Error, in bounded time.

#include "error-codes.h"
#include "model/abort-guard.h"
#include "model/model-file.h"
#include "mutation-loop.h"

#include <sys/mman.h>

namespace {
int         file = -1;
std::string path;
} // namespace

std::vector<std::string> fuzz_words() {
    return { "GGUF", "general.architecture", "llama", "llama.block_count", "llama.embedding_length", "general.alignment",
             "llama.attention.head_count", "llama.rope.scaling.type", "llama.expert_count", "split.no", "split.count", "llama.attention.key_length", "tokenizer.ggml.tokens", "token_embd.weight" };
}

void fuzz_start(const char *) {
    file = memfd_create("model", 0);
    path = "/proc/self/fd/" + std::to_string(file);
    pagoda::install_log_capture();
    pagoda::install_abort_guard();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size) {
    if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t) size) {
        std::abort();
    }
    try {
        pagoda::read_model_header(path, GGML_TYPE_F16);
    } catch (const pagoda::Error &) {
        pagoda::take_log_error();
    }
    return 0;
}
