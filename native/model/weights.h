// A model's weights, which are loaded in llama.cpp, kept as a copy of the file in host memory, or only in the file.
// Used by one thread at a time.
#pragma once

#include "llama.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace pagoda {

class Weights {
public:
    // is_packed: use Pagoda's kernels where they apply; otherwise, use ggml's plain kernels.
    Weights(std::string path, int32_t n_gpu_layers, bool is_packed)
        : path(std::move(path)), n_gpu_layers(n_gpu_layers), is_packed(is_packed) {}
    ~Weights();

    Weights(const Weights &)             = delete;
    Weights & operator=(const Weights &) = delete;

    // Loads from the copy if there is one, otherwise from the file. `progress` receives values in [0, 1]. Throws
    // Error "model_unsupported".
    void load(std::function<void(float)> progress);

    // Copies the file to memory that is not backed by a file on disk, so that the original can be changed or deleted. Does nothing if no
    // copy is possible. The model must be loaded. Throws Error "out_of_memory" or "model_not_found".
    void make_copy();
    void drop_copy();
    // Releases the model; llama.cpp frees the weights once no other pointer shares it.
    void unload() { loaded.reset(); }

    // Loads only the vocabulary, as a separate model. Throws Error "model_unsupported".
    std::shared_ptr<llama_model> load_vocabulary() const;

    // Null while the weights are not in llama.cpp. Code that needs the model for longer than the call must copy the
    // pointer.
    const std::shared_ptr<llama_model> & model() const { return loaded; }

    // All tensors of the loaded model.
    std::vector<const ggml_tensor *> tensors() const;

    // The path that load() would read.
    std::string source() const;

    // Types of matrices that the last load() could not pack, since this CPU has no kernels for them.
    const std::vector<std::string> & unpacked_types() const { return unpacked; }

    // Bytes currently held by the model or the copy. Only a context can report the size of the model's buffers;
    // until note_buffers() is called, tensors are counted at their size in the file.
    uint64_t bytes() const;
    void     note_buffers(uint64_t bytes) { buffer_bytes = bytes; }

private:
    std::string                  path;
    int32_t                      n_gpu_layers;
    bool                         is_packed;
    std::shared_ptr<llama_model> loaded;
    std::vector<std::string>     unpacked;
    int                          copy_fd    = -1; // -1 = no copy
    uint64_t                     copy_bytes = 0;
    uint64_t                     buffer_bytes = 0; // the same after each load; 0 = unknown
};

} // namespace pagoda
