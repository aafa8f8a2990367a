// The extra buffer type, modeled on ggml's repack.cpp. Its product is in matmul/product.cpp.

#include "matmul/packed-buffer.h"

#include "matmul/gemm.h"
#include "matmul/packed-weights.h"
#include "matmul/product.h"

#include "ggml-backend-impl.h"
#include "ggml-cpu.h"
#include "ggml-cpu/traits.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

namespace pagoda {

namespace {

struct PackedTraits : ggml::cpu::tensor_traits {
    bool shares_only_tensors(const ggml_tensor *) override { return true; }

    bool work_size(int, const ggml_tensor * op, size_t & size) override {
        size = product_work_bytes(op);
        return true;
    }

    bool compute_forward(ggml_compute_params * params, ggml_tensor * op) override {
        multiply_packed(params, op);
        return true;
    }
};

std::atomic<int64_t> widest{ 0 };

std::mutex               unpacked_mutex;
std::vector<std::string> unpacked_types;

void note_unpacked(ggml_type type) {
    std::lock_guard<std::mutex> lock(unpacked_mutex);
    const std::string name = ggml_type_name(type);
    if (std::find(unpacked_types.begin(), unpacked_types.end(), name) == unpacked_types.end()) {
        unpacked_types.push_back(name);
    }
}

bool is_packable(const ggml_tensor * w) {
    return ggml_n_dims(w) == 2 && gemm_kernels()->panel(w->type) && w->ne[0] % BLOCK_COLS == 0 && ggml_is_contiguous(w);
}

ggml_backend_buffer_type_t packed_buffer_type();

struct PackedBuffer : ggml::cpu::extra_buffer_type {
    bool supports_op(ggml_backend_dev_t, const ggml_tensor * op) override {
        const ggml_tensor * w = op->src[0];
        if (op->op != GGML_OP_MUL_MAT || !w->buffer || w->buffer->buft != packed_buffer_type()) {
            return false;
        }
        const ggml_tensor * x = op->src[1];
        const bool is_taken = is_packable(w) && x->type == GGML_TYPE_F32 && x->nb[0] == sizeof(float) &&
                              (!x->buffer || ggml_backend_buft_is_host(x->buffer->buft));
        if (!is_taken && ggml_is_quantized(w->type)) {
            note_unpacked(w->type);
        }
        return is_taken;
    }

    ggml::cpu::tensor_traits * get_tensor_traits(const ggml_tensor * op) override {
        const bool is_ours = op->op == GGML_OP_MUL_MAT && op->src[0]->buffer && op->src[0]->buffer->buft == packed_buffer_type();
        return is_ours ? &traits : nullptr;
    }

    PackedTraits traits;
};

void set_tensor(ggml_backend_buffer_t, ggml_tensor * tensor, const void * data, size_t offset, size_t size) {
    GGML_ASSERT(offset == 0 && size == ggml_nbytes(tensor));
    const int64_t n_blocks = tensor->ne[0] / BLOCK_COLS;
    for (int64_t known = widest; known < n_blocks && !widest.compare_exchange_weak(known, n_blocks);) {
    }
    constexpr size_t WORTH_A_THREAD = 256 << 10;
    const size_t cores = std::max(1u, std::thread::hardware_concurrency());
    const int n_threads = (int) std::clamp<size_t>(size / WORTH_A_THREAD, 1, cores);
    auto * packed = (uint8_t *) tensor->data;
    pack_weights(tensor->type, tensor->ne[0], tensor->ne[1], data, packed, n_threads);
    if (uint8_t * plane = plane_of(tensor)) {
        pack_high_plane(tensor->ne[0], tensor->ne[1], packed, plane, n_threads);
    }
}

ggml_backend_buffer_t alloc_buffer(ggml_backend_buffer_type_t buft, size_t size) {
    ggml_backend_buffer_t buffer = ggml_backend_buft_alloc_buffer(ggml_backend_cpu_buffer_type(), size);
    if (!buffer) {
        return nullptr;
    }
    buffer->buft             = buft;
    buffer->iface.set_tensor = set_tensor;
    buffer->iface.get_tensor = nullptr;
    buffer->iface.cpy_tensor = nullptr;
    return buffer;
}

ggml_backend_buffer_type_t packed_buffer_type() {
    static ggml_backend_buffer_type type = {
        /* .iface   = */ {
            /* .get_name       = */ [](ggml_backend_buffer_type_t) { return "CPU_PAGODA"; },
            /* .alloc_buffer   = */ alloc_buffer,
            /* .get_alignment  = */ [](ggml_backend_buffer_type_t) -> size_t { return 64; },
            /* .get_max_size   = */ nullptr,
            /* .get_alloc_size = */ [](ggml_backend_buffer_type_t, const ggml_tensor * t) {
                const size_t packed = packed_bytes(t->type, t->ne[0], t->ne[1]);
                return packed > 0 ? packed + plane_bytes(t) : ggml_nbytes(t);
            },
            /* .is_host        = */ nullptr,
        },
        /* .device  = */ ggml_backend_reg_dev_get(ggml_backend_cpu_reg(), 0),
        /* .context = */ new PackedBuffer(),
    };
    return &type;
}

} // namespace

bool packs_weights() { return gemm_kernels() != nullptr; }

void register_packed_buffer() {
    if (packs_weights()) {
        ggml_backend_cpu_set_extra_buffer_type(packed_buffer_type());
    }
}

int64_t widest_packed_blocks() { return widest; }

const char * weight_kernel_name() { return gemm_kernels() ? gemm_kernels()->name : "ggml"; }

std::vector<std::string> take_unpacked_types() {
    std::lock_guard<std::mutex> lock(unpacked_mutex);
    return std::exchange(unpacked_types, {});
}

} // namespace pagoda
