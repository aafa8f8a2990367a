// The weights of a model and where they are: in llama.cpp, as a copy of the file in host memory, or in
// the file alone. Used by one thread at a time.
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
    // is_packed: our kernels compute with them where they can; else ggml's plain ones.
    Weights(std::string path, int32_t n_gpu_layers, bool is_packed)
        : path(std::move(path)), n_gpu_layers(n_gpu_layers), is_packed(is_packed) {}
    ~Weights();

    Weights(const Weights &)             = delete;
    Weights & operator=(const Weights &) = delete;

    // From the copy where there is one, else from the file. `progress` gets shares in [0, 1]. Throws
    // Error "model_unsupported".
    void load(std::function<void(float)> progress);

    // Keeps the file's bytes in memory that no file backs, so that neither its deletion nor its change
    // matters; does nothing where that cannot be. The model must be loaded. Throws Error "out_of_memory"
    // or "model_not_found".
    void make_copy();
    void drop_copy();
    // llama.cpp lets go of them, once nobody else shares the model.
    void unload() { loaded.reset(); }

    // The vocabulary alone, as a model of its own. Throws Error "model_unsupported".
    std::shared_ptr<llama_model> load_vocabulary() const;

    // Null when they are not in llama.cpp. Whoever needs the model longer than its user shares it.
    const std::shared_ptr<llama_model> & model() const { return loaded; }

    // The path that load() would read.
    std::string source() const;

    // Types of matrices that were to be packed and have no kernels here, as the last load() found them.
    const std::vector<std::string> & unpacked_types() const { return unpacked; }

    // What is held now, model or copy. Only a context can tell how large the model's buffers are: until
    // one has, its tensors count as the file has them.
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
    uint64_t                     buffer_bytes = 0; // the same after each load
};

} // namespace pagoda
