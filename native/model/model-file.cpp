// Reads the header through ggml's gguf API, after checking the first bytes and the file's size.

#include "model/model-file.h"

#include "error-codes.h"
#include "model/abort-guard.h"
#include "model/architectures.h"
#include "model/metadata-keys.h"

#include "gguf.h"
#include "llama.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>

namespace pagoda {

namespace {

std::mutex  log_mutex;
std::string log_error;

void capture_log(ggml_log_level level, const char * text, void *) {
    if (level != GGML_LOG_LEVEL_ERROR) {
        return;
    }
    std::lock_guard<std::mutex> lock(log_mutex);
    if (!log_error.empty()) {
        return; // the first line names the cause; later lines only report that something failed
    }
    log_error = text;
    while (!log_error.empty() && std::isspace((unsigned char) log_error.back())) {
        log_error.pop_back();
    }
}

struct GgufDeleter {
    void operator()(gguf_context * g) const { gguf_free(g); }
};
using GgufPtr = std::unique_ptr<gguf_context, GgufDeleter>;

uint64_t file_size(const std::string & path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
        throw Error("model_not_found", "cannot open " + path + ": it is a folder");
    }
    errno = 0;
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) {
        throw Error("model_not_found", "cannot open " + path + ": " + std::strerror(errno));
    }
    return (uint64_t) file.tellg();
}

void check_magic(const std::string & path) {
    std::ifstream file(path, std::ios::binary);
    char magic[4] = {};
    file.read(magic, sizeof(magic));
    if (file.gcount() != 4 || std::memcmp(magic, "GGUF", 4) != 0) {
        throw Error("model_not_gguf", path + " is not a GGUF file");
    }
}

int64_t kv_bytes_per_token(const gguf_context * g, const std::string & arch, int64_t n_layers, ggml_type kv_type) {
    const std::string p = arch + ".";
    const int64_t n_embd = count_key(g, p + "embedding_length", 0, MAX_WIDTH, 1);
    int64_t elements = 0;
    for (int64_t il = 0; il < n_layers; ++il) {
        const int64_t n_head    = std::max<int64_t>(1, count_key(g, p + "attention.head_count", 1, MAX_HEADS, 0, il));
        const int64_t n_head_kv = count_key(g, p + "attention.head_count_kv", n_head, MAX_HEADS, 0, il);
        const int64_t head_dim  = n_embd / n_head;
        elements += n_head_kv * (count_key(g, p + "attention.key_length", head_dim, MAX_WIDTH) +
                                 count_key(g, p + "attention.value_length", head_dim, MAX_WIDTH));
    }
    if (elements == 0) {
        throw Error("model_unsupported", "no layer in the model file has KV heads (" + p + "attention.head_count)");
    }
    return elements / ggml_blck_size(kv_type) * (int64_t) ggml_type_size(kv_type);
}

GgufPtr read_keys(const std::string & path) {
    check_magic(path);
    GgufPtr g(gguf_init_from_file(path.c_str(), { /*.no_alloc =*/ true, /*.ctx =*/ nullptr }));
    if (!g) {
        const std::string detail = take_log_error();
        throw Error("model_truncated", path + " has a broken or incomplete GGUF header" + (detail.empty() ? "" : " (" + detail + ")"));
    }
    return g;
}

using BytesByType = std::map<std::string, uint64_t>;

void check_size(const gguf_context * g, const std::string & path, uint64_t size) {
    for (int64_t i = 0; i < gguf_get_n_tensors(g); ++i) {
        const uint64_t end = gguf_get_data_offset(g) + gguf_get_tensor_offset(g, i) + gguf_get_tensor_size(g, i);
        if (end > size) {
            throw Error("model_truncated", path + " is truncated: it has " + std::to_string(size) +
                        " bytes, but its tensors need at least " + std::to_string(end) + "; download it again");
        }
    }
}

// Reads the header of one file of a model, checks its tensors and adds their sizes.
GgufPtr read_file(const std::string & path, BytesByType & bytes) {
    const uint64_t size = file_size(path);
    GgufPtr        g    = read_keys(path);
    check_size(g.get(), path, size);
    check_vectors(g.get());
    for (int64_t i = 0; i < gguf_get_n_tensors(g.get()); ++i) {
        bytes[ggml_type_name(gguf_get_tensor_type(g.get(), i))] += gguf_get_tensor_size(g.get(), i);
    }
    return g;
}

void read_other_parts(const gguf_context * g, const std::string & path, BytesByType & bytes) {
    for (const std::string & part : other_parts(g, path)) {
        std::error_code ignored;
        if (!std::filesystem::exists(part, ignored)) {
            throw Error("model_not_found", "a part of the model is missing: there is no file " + part);
        }
        read_file(part, bytes);
    }
}

uint64_t sum_of(const BytesByType & bytes) {
    uint64_t sum = 0;
    for (const auto & [type, size] : bytes) {
        sum += size;
    }
    return sum;
}

std::string main_type(const BytesByType & bytes) {
    std::string best;
    for (const auto & [type, size] : bytes) {
        if (best.empty() || size > bytes.at(best)) {
            best = type;
        }
    }
    std::transform(best.begin(), best.end(), best.begin(), [](unsigned char c) { return (char) std::toupper(c); });
    return best;
}

} // namespace

ModelHeader read_model_header(const std::string & path, ggml_type kv_type) {
    const AbortGuard guard;
    BytesByType      bytes;
    const GgufPtr    g = read_file(path, bytes);
    read_other_parts(g.get(), path, bytes);
    ModelHeader h = {};
    h.weight_bytes = sum_of(bytes);
    h.architecture = string_key(g.get(), "general.architecture");
    if (h.architecture.empty()) {
        throw Error("model_unsupported", path + " does not name a model architecture");
    }
    check_architecture(h.architecture);
    check_causal(g.get(), h.architecture);
    check_rope_scaling(g.get(), h.architecture);
    check_rope_dimensions(g.get(), h.architecture);
    h.quantization           = main_type(bytes);
    h.name                   = string_key(g.get(), "general.name");
    h.n_layers               = count_key(g.get(), h.architecture + ".block_count", 0, MAX_LAYERS, 1);
    check_experts(g.get(), h.architecture, h.n_layers);
    check_norms(g.get(), h.architecture);
    check_tokenizer(g.get());
    check_chat_template(g.get());
    h.n_vocab                = array_length(g.get(), "tokenizer.ggml.tokens");
    h.trained_context_length = count_key(g.get(), h.architecture + ".context_length", 0, MAX_CONTEXT_LENGTH);
    h.kv_bytes_per_token     = kv_bytes_per_token(g.get(), h.architecture, h.n_layers, kv_type);
    h.lacks_pre_tokenizer    = string_key(g.get(), "tokenizer.ggml.model") == "gpt2" && string_key(g.get(), "tokenizer.ggml.pre").empty();
    return h;
}

uint64_t available_memory() {
    std::ifstream meminfo("/proc/meminfo");
    std::string   key;
    uint64_t      kib = 0;
    while (meminfo >> key >> kib) {
        if (key == "MemAvailable:") {
            return kib * 1024;
        }
        meminfo.ignore(64, '\n');
    }
    return 0;
}

std::string take_log_error() {
    std::lock_guard<std::mutex> lock(log_mutex);
    return std::exchange(log_error, "");
}

void install_log_capture() {
    llama_log_set(capture_log, nullptr);
    ggml_log_set(capture_log, nullptr);
}

void check_same_model(const ModelHeader & was, const ModelHeader & is, const std::string & path) {
    const bool same = was.architecture == is.architecture && was.weight_bytes == is.weight_bytes && was.name == is.name &&
                      was.n_layers == is.n_layers && was.n_vocab == is.n_vocab && was.kv_bytes_per_token == is.kv_bytes_per_token;
    if (!same) {
        throw Error("model_unsupported", path + " contains a different model from the one that was loaded");
    }
}

} // namespace pagoda
