// A copy is a memfd on Linux. On other systems, and for a model that is split into several files, no copy is made,
// and the file is read again instead.

#include "model/weights.h"

#include "error-codes.h"
#include "matmul/packed-buffer.h"
#include "model/abort-guard.h"
#include "model/model-file.h"

#include "ggml-backend.h"
#include "llama-model.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace pagoda {

namespace {

bool report_progress(float share, void * user_data) {
    (*static_cast<std::function<void(float)> *>(user_data))(share);
    return true;
}

std::shared_ptr<llama_model> load_from(const std::string & source, const llama_model_params & params, const std::string & path) {
    take_log_error();
    const AbortGuard guard;
    llama_model * model = llama_model_load_from_file(source.c_str(), params);
    if (!model) {
        const std::string detail = take_log_error();
        throw Error("model_unsupported", "llama.cpp cannot load " + path + (detail.empty() ? "" : ": " + detail));
    }
    return { model, llama_model_free };
}

#ifdef __linux__
// llama.cpp derives the names of a model's other files from the first file's name, which a copy does not have.
bool is_split(const llama_model * model) {
    char count[8] = {};
    return llama_model_meta_val_str(model, "split.count", count, sizeof(count)) > 0 && std::atoi(count) > 1;
}

// If the copy did not fit, writing it would not fail; instead, the system would kill the process.
void check_room(uint64_t bytes) {
    const uint64_t available = available_memory();
    if (available > 0 && bytes > available) {
        throw Error("out_of_memory", "a copy of the weights needs " + std::to_string(bytes >> 20) + " MiB of host memory, but only " +
                    std::to_string(available >> 20) + " MiB are free");
    }
}

void write_all(int fd, const char * data, size_t size) {
    while (size > 0) {
        const ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            throw Error("out_of_memory", std::string("cannot copy the weights to host memory: ") + std::strerror(errno));
        }
        data += written;
        size -= written;
    }
}
#endif

} // namespace

Weights::~Weights() { drop_copy(); }

void Weights::load(std::function<void(float)> progress) {
    llama_model_params params = llama_model_default_params();
    params.n_gpu_layers                = n_gpu_layers;
    params.progress_callback           = report_progress;
    params.progress_callback_user_data = &progress;
    params.use_extra_bufts             = is_packed;
    // A mapping would stay in memory alongside the packed weights, which hold the same data in a different layout.
    if (is_packed && packs_weights() && !ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_GPU)) {
        params.load_mode = LLAMA_LOAD_MODE_NONE;
    }
    take_unpacked_types();
    loaded = load_from(source(), params, path);
    unpacked = is_packed ? take_unpacked_types() : std::vector<std::string>();
    // Weights that stay in host memory are mapped from the copy, so the copy's pages live as long as the model.
    drop_copy();
}

std::shared_ptr<llama_model> Weights::load_vocabulary() const {
    llama_model_params params = llama_model_default_params();
    params.vocab_only = true;
    return load_from(source(), params, path);
}

std::vector<const ggml_tensor *> Weights::tensors() const {
    std::vector<const ggml_tensor *> all;
    for (const auto & [name, tensor] : llama_internal_get_tensor_map(loaded.get())) {
        all.push_back(tensor);
    }
    return all;
}

std::string Weights::source() const { return copy_fd < 0 ? path : "/proc/self/fd/" + std::to_string(copy_fd); }

uint64_t Weights::bytes() const {
    if (!loaded) {
        return copy_bytes;
    }
    return buffer_bytes > 0 ? buffer_bytes : llama_model_size(loaded.get());
}

void Weights::make_copy() {
#ifdef __linux__
    if (is_split(loaded.get())) {
        return;
    }
    check_room(llama_model_size(loaded.get()));
    std::vector<char> buffer(4u << 20);
    std::ifstream file(path, std::ios::binary);
    copy_fd = file ? memfd_create("pagoda weights", MFD_CLOEXEC) : -1;
    if (copy_fd < 0) {
        throw Error(file ? "out_of_memory" : "model_not_found", "cannot copy the weights of " + path + " to host memory");
    }
    try {
        while (file.read(buffer.data(), buffer.size()), file.gcount() > 0) {
            write_all(copy_fd, buffer.data(), file.gcount());
            copy_bytes += file.gcount();
        }
    } catch (...) {
        drop_copy();
        throw;
    }
#endif
}

void Weights::drop_copy() {
#ifdef __linux__
    if (copy_fd >= 0) {
        close(copy_fd);
    }
#endif
    copy_fd    = -1;
    copy_bytes = 0;
}

} // namespace pagoda
