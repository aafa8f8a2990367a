// Rejects values that would fail an assertion in llama.cpp's loader (llama-model.cpp, load_hparams) or in ggml's
// operators (ops.cpp).

#include "model/metadata-keys.h"

#include "error-codes.h"

#include "llama.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace pagoda {

namespace {

int64_t int_value(const gguf_context * g, int64_t id, gguf_type type, const void * data, size_t i) {
    switch (type) {
        case GGUF_TYPE_UINT32: return data ? ((const uint32_t *) data)[i] : gguf_get_val_u32(g, id);
        case GGUF_TYPE_INT32:  return data ? ((const int32_t *) data)[i] : gguf_get_val_i32(g, id);
        case GGUF_TYPE_UINT64: return (int64_t) (data ? ((const uint64_t *) data)[i] : gguf_get_val_u64(g, id));
        case GGUF_TYPE_INT64:  return data ? ((const int64_t *) data)[i] : gguf_get_val_i64(g, id);
        default:               return 0;
    }
}

int64_t int_key(const gguf_context * g, const std::string & key, int64_t fallback, size_t layer) {
    const int64_t id = gguf_find_key(g, key.c_str());
    if (id < 0) {
        return fallback;
    }
    if (gguf_get_kv_type(g, id) != GGUF_TYPE_ARRAY) {
        return int_value(g, id, gguf_get_kv_type(g, id), nullptr, 0);
    }
    const gguf_type type = gguf_get_arr_type(g, id);
    if (type == GGUF_TYPE_STRING || layer >= gguf_get_arr_n(g, id)) {
        return fallback;
    }
    return int_value(g, id, type, gguf_get_arr_data(g, id), layer);
}

Error refused(const std::string & key, const std::string & value) {
    return Error("model_unsupported", "the model file sets " + key + " to " + value);
}

bool ends_with(const std::string & text, const std::string & end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// The common prefix of a model's parts in llama.cpp's naming scheme; "" if this part's name does not follow the scheme.
std::string parts_prefix(const std::string & path, int64_t part, int64_t n_parts) {
    std::vector<char> prefix(path.size() + 1);
    const bool is_named = llama_split_prefix(prefix.data(), prefix.size(), path.c_str(), (int32_t) part, (int32_t) n_parts) > 0;
    return is_named ? prefix.data() : "";
}

std::string part_path(const std::string & prefix, int64_t part, int64_t n_parts) {
    std::vector<char> path(prefix.size() + 32);
    llama_split_path(path.data(), path.size(), prefix.c_str(), (int32_t) part, (int32_t) n_parts);
    return path.data();
}

// Also reads 16-bit integers, which is the type of part numbers.
int64_t small_key(const gguf_context * g, const std::string & key) {
    const int64_t id = gguf_find_key(g, key.c_str());
    if (id >= 0 && gguf_get_kv_type(g, id) == GGUF_TYPE_UINT16) {
        return gguf_get_val_u16(g, id);
    }
    return int_key(g, key, 0, 0);
}

void check_rotated(const gguf_context * g, const std::string & key, int64_t head_dim) {
    if (gguf_find_key(g, key.c_str()) < 0) {
        return;
    }
    const int64_t n_rot = count_key(g, key, 0, MAX_WIDTH);
    if (n_rot < 2 || n_rot % 2 != 0 || n_rot > head_dim) {
        throw refused(key, std::to_string(n_rot) + "; it must be even and in [2, " + std::to_string(head_dim) + "], the head size");
    }
}

} // namespace

std::string string_key(const gguf_context * g, const std::string & key) {
    const int64_t id = gguf_find_key(g, key.c_str());
    return id >= 0 && gguf_get_kv_type(g, id) == GGUF_TYPE_STRING ? gguf_get_val_str(g, id) : "";
}

int64_t count_key(const gguf_context * g, const std::string & key, int64_t fallback, int64_t max, int64_t min, size_t layer) {
    const int64_t count = int_key(g, key, fallback, layer);
    if (count < min && gguf_find_key(g, key.c_str()) < 0) {
        throw Error("model_unsupported", "the model file lacks " + key);
    }
    if (count < min || count > max) {
        throw refused(key, std::to_string(count));
    }
    return count;
}

int64_t array_length(const gguf_context * g, const std::string & key) {
    const int64_t id = gguf_find_key(g, key.c_str());
    return id >= 0 && gguf_get_kv_type(g, id) == GGUF_TYPE_ARRAY ? (int64_t) gguf_get_arr_n(g, id) : 0;
}

std::vector<std::string> other_parts(const gguf_context * g, const std::string & path) {
    const int64_t part    = small_key(g, "split.no");
    const int64_t n_parts = small_key(g, "split.count");
    if (n_parts < 2) {
        return {};
    }
    if (n_parts > MAX_PARTS) {
        throw refused("split.count", std::to_string(n_parts));
    }
    const std::string prefix = parts_prefix(path, part, n_parts);
    const std::string is_part = path + " is part " + std::to_string(part + 1) + " of " + std::to_string(n_parts) + " of a model; ";
    if (part != 0) {
        throw Error("model_unsupported", is_part + "pass the first part" + (prefix.empty() ? "" : ", " + part_path(prefix, 0, n_parts)));
    }
    if (prefix.empty()) {
        throw Error("model_unsupported", is_part + "its name must end in " + part_path("", 0, n_parts) +
                    ", and the names of the other parts must match it");
    }
    std::vector<std::string> others;
    for (int64_t i = 1; i < n_parts; ++i) {
        others.push_back(part_path(prefix, i, n_parts));
    }
    return others;
}

void check_causal(const gguf_context * g, const std::string & architecture) {
    const std::string key = architecture + ".attention.causal";
    const int64_t     id  = gguf_find_key(g, key.c_str());
    if (id >= 0 && gguf_get_kv_type(g, id) == GGUF_TYPE_BOOL && !gguf_get_val_bool(g, id)) {
        throw refused(key, "false: it produces embeddings, not text");
    }
}

void check_rope_scaling(const gguf_context * g, const std::string & architecture) {
    const std::string key  = architecture + ".rope.scaling.type";
    const std::string kind = string_key(g, key);
    const std::vector<std::string> known = { "none", "linear", "yarn", "longrope" };
    if (gguf_find_key(g, key.c_str()) >= 0 && std::find(known.begin(), known.end(), kind) == known.end()) {
        throw refused(key, "\"" + kind + "\"; it must be none, linear, yarn or longrope");
    }
}

void check_rope_dimensions(const gguf_context * g, const std::string & architecture) {
    const std::string p      = architecture + ".";
    const int64_t     n_head = count_key(g, p + "attention.head_count", 0, MAX_HEADS);
    if (n_head == 0) {
        return;
    }
    const int64_t head_dim = count_key(g, p + "attention.key_length", count_key(g, p + "embedding_length", 0, MAX_WIDTH, 1) / n_head, MAX_WIDTH);
    check_rotated(g, p + "rope.dimension_count", head_dim);
    // for layers with a sliding window
    check_rotated(g, p + "rope.dimension_count_swa", count_key(g, p + "attention.key_length_swa", head_dim, MAX_WIDTH));
}

void check_tokenizer(const gguf_context * g) {
    const std::string key  = "tokenizer.ggml.model";
    const std::string kind = string_key(g, key);
    if (kind.empty()) {
        throw Error("model_unsupported", "the model file lacks " + key);
    }
    if (kind == "none" || kind == "no_vocab") {
        throw refused(key, "\"" + kind + "\"; without a vocabulary, it cannot read or write text");
    }
}

void check_chat_template(const gguf_context * g) {
    const std::string key = "tokenizer.chat_template";
    const int64_t     id  = gguf_find_key(g, key.c_str());
    if (id >= 0 && gguf_get_kv_type(g, id) != GGUF_TYPE_STRING) {
        throw refused(key, std::string("a value of type ") + gguf_type_name(gguf_get_kv_type(g, id)) + "; it must be a string");
    }
}

void check_experts(const gguf_context * g, const std::string & architecture, int64_t n_layers) {
    const int64_t n_experts = count_key(g, architecture + ".expert_count", 0, MAX_EXPERTS);
    for (int64_t il = 0; il < n_layers; ++il) {
        count_key(g, architecture + ".expert_used_count", 0, n_experts, n_experts > 1 ? 1 : 0, il);
    }
}

void check_norms(const gguf_context * g, const std::string & architecture) {
    for (const char * name : { "layer_norm_epsilon", "layer_norm_rms_epsilon", "group_norm_epsilon" }) {
        const std::string key = architecture + ".attention." + name;
        const int64_t     id  = gguf_find_key(g, key.c_str());
        if (id >= 0 && gguf_get_kv_type(g, id) == GGUF_TYPE_FLOAT32 && !(gguf_get_val_f32(g, id) >= 0.0f)) {
            throw refused(key, std::to_string(gguf_get_val_f32(g, id)));
        }
    }
}

void check_vectors(const gguf_context * g) {
    const char * const ends[] = { "norm.weight", ".bias", "scale", "scale.weight", "sinks.weight" };
    for (int64_t i = 0; i < gguf_get_n_tensors(g); ++i) {
        const std::string name      = gguf_get_tensor_name(g, i);
        const bool        is_vector = std::any_of(std::begin(ends), std::end(ends), [&](const char * end) { return ends_with(name, end); });
        if (is_vector && gguf_get_tensor_type(g, i) != GGML_TYPE_F32) {
            throw Error("model_unsupported", "the model file has " + name + " in " + ggml_type_name(gguf_get_tensor_type(g, i)) +
                        "; norms, biases, scales and sinks must be f32");
        }
    }
}

} // namespace pagoda
