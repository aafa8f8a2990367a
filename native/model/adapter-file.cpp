// All checks that do not need values come first. Then the tensors are read and converted one at a time, so that only
// the adapter itself takes much memory.

#include "model/adapter-file.h"

#include "error-codes.h"
#include "model/abort-guard.h"
#include "model/metadata-keys.h"
#include "model/model-file.h"

#include "gguf.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <vector>

namespace pagoda {

namespace {

struct HeaderDeleter {
    void operator()(gguf_context * g) const { gguf_free(g); }
    void operator()(ggml_context * c) const { ggml_free(c); }
};

struct Pair {
    const ggml_tensor * a = nullptr;
    const ggml_tensor * b = nullptr;
};

// An open file with its header, whose tensors have no data.
struct AdapterFile {
    std::string                                  path;
    std::ifstream                                stream;
    std::unique_ptr<gguf_context, HeaderDeleter> header;
    std::unique_ptr<ggml_context, HeaderDeleter> tensors;
    std::map<std::string, Pair>                  pairs; // by the name of the weight

    Error error(const char * code, const std::string & what) const { return Error(code, "adapter " + path + " " + what); }

    explicit AdapterFile(const std::string & path);
    void  check_kind(const std::string & architecture) const;
    void  check_size(uint64_t size) const;
    void  find_pairs();
    float alpha() const;
    void  read(const ggml_tensor * t, std::vector<float> & values);
};

AdapterFile::AdapterFile(const std::string & path) : path(path) {
    std::error_code ignored;
    const bool is_folder = std::filesystem::is_directory(path, ignored);
    errno = 0;
    stream.open(path, std::ios::binary);
    if (is_folder || !stream) {
        throw error("adapter_not_found", std::string("cannot be opened: ") + (is_folder ? "it is a folder" : std::strerror(errno)));
    }
    char magic[4] = {};
    stream.read(magic, sizeof(magic));
    if (stream.gcount() != 4 || std::memcmp(magic, "GGUF", 4) != 0) {
        throw error("adapter_not_gguf", "is not a GGUF file");
    }
    ggml_context * meta = nullptr;
    take_log_error();
    header.reset(gguf_init_from_file(path.c_str(), { /*.no_alloc =*/ true, /*.ctx =*/ &meta }));
    tensors.reset(meta);
    if (!header) {
        const std::string detail = take_log_error();
        throw error("adapter_truncated", "has a broken or incomplete GGUF header" + (detail.empty() ? "" : " (" + detail + ")"));
    }
}

void AdapterFile::check_kind(const std::string & architecture) const {
    if (string_key(header.get(), "general.type") != "adapter" || string_key(header.get(), "adapter.type") != "lora") {
        throw error("adapter_not_gguf", "is a GGUF file, but not a LoRA adapter");
    }
    const std::string own = string_key(header.get(), "general.architecture");
    if (own != architecture) {
        throw error("adapter_architecture", "is for architecture \"" + own + "\", but the model is \"" + architecture + "\"");
    }
}

void AdapterFile::check_size(uint64_t size) const {
    for (int64_t i = 0; i < gguf_get_n_tensors(header.get()); ++i) {
        const uint64_t begin = gguf_get_data_offset(header.get()) + gguf_get_tensor_offset(header.get(), i);
        const uint64_t bytes = gguf_get_tensor_size(header.get(), i);
        if (begin > size || bytes > size - begin) {
            throw error("adapter_truncated", "is truncated: it has " + std::to_string(size) + " bytes, fewer than its tensors need");
        }
    }
}

void AdapterFile::find_pairs() {
    for (ggml_tensor * t = ggml_get_first_tensor(tensors.get()); t; t = ggml_get_next_tensor(tensors.get(), t)) {
        const std::string name = t->name;
        const size_t dot = name.rfind('.');
        const std::string suffix = dot == std::string::npos ? "" : name.substr(dot);
        if (suffix != ".lora_a" && suffix != ".lora_b") {
            throw error("adapter_tensor", "has a tensor that is neither lora_a nor lora_b: " + name);
        }
        if (t->type != GGML_TYPE_F32 && !ggml_get_type_traits(t->type)->to_float) {
            throw error("adapter_tensor", "has a tensor of type " + std::string(ggml_type_name(t->type)) + ": " + name);
        }
        Pair & pair = pairs[name.substr(0, dot)];
        (suffix == ".lora_a" ? pair.a : pair.b) = t;
    }
    if (pairs.empty()) {
        throw error("adapter_tensor", "has no tensors");
    }
    for (const auto & [name, pair] : pairs) {
        if (!pair.a || !pair.b) {
            throw error("adapter_tensor", "has only one of lora_a and lora_b for " + name);
        }
    }
}

float AdapterFile::alpha() const {
    const int64_t id = gguf_find_key(header.get(), "adapter.lora.alpha");
    const bool is_float = id >= 0 && gguf_get_kv_type(header.get(), id) == GGUF_TYPE_FLOAT32;
    if (id >= 0 && !is_float) {
        throw error("adapter_not_finite", "has an alpha that is not a float");
    }
    const float alpha = is_float ? gguf_get_val_f32(header.get(), id) : 0.0f;
    if (!std::isfinite(alpha)) {
        throw error("adapter_not_finite", "has an alpha that is not finite");
    }
    return alpha;
}

void AdapterFile::read(const ggml_tensor * t, std::vector<float> & values) {
    const int64_t id = gguf_find_tensor(header.get(), t->name);
    const size_t  n  = ggml_nelements(t), size = ggml_nbytes(t);
    std::vector<char> bytes(t->type == GGML_TYPE_F32 ? 0 : size);
    values.resize(n);
    char * to = t->type == GGML_TYPE_F32 ? (char *) values.data() : bytes.data();
    stream.clear();
    stream.seekg((std::streamoff) (gguf_get_data_offset(header.get()) + gguf_get_tensor_offset(header.get(), id)));
    if (!stream.read(to, (std::streamsize) size)) {
        throw error("adapter_truncated", "cannot be read to the end of " + std::string(t->name));
    }
    if (t->type != GGML_TYPE_F32) {
        ggml_get_type_traits(t->type)->to_float(bytes.data(), values.data(), (int64_t) n);
    }
    if (!std::isfinite(largest_magnitude(values.data(), n))) {
        throw error("adapter_not_finite", "has a NaN or an infinite value in " + std::string(t->name));
    }
}

std::string shape_of(const ggml_tensor * t) { return "[" + std::to_string(t->ne[0]) + ", " + std::to_string(t->ne[1]) + "]"; }

// Returns the weight that a pair changes.
AdapterSite & checked_site(const AdapterFile & file, const std::string & name, const Pair & pair, AdapterTable & table) {
    AdapterSite * site = table.find(name);
    if (!site) {
        throw file.error("adapter_tensor", "changes " + name + ", which the model does not have");
    }
    if (!site->refusal.empty()) {
        throw file.error("adapter_unsupported", "changes " + name + ": " + site->refusal);
    }
    // An embedding table's A has a row for each token.
    const int64_t rank = pair.b->ne[0];
    const int64_t a0 = site->is_embedding ? rank : site->n_in, a1 = site->is_embedding ? site->n_out : rank;
    const int64_t n_out = site->is_embedding ? site->n_in : site->n_out;
    const bool is_flat = ggml_n_dims(pair.a) <= 2 && ggml_n_dims(pair.b) <= 2;
    if (!is_flat || rank < 1 || pair.a->ne[0] != a0 || pair.a->ne[1] != a1 || pair.b->ne[1] != n_out) {
        throw file.error("adapter_shape", "changes " + name + " with matrices of shapes " + shape_of(pair.a) + " and " + shape_of(pair.b) +
                         ", which do not fit the model's [" + std::to_string(site->n_in) + ", " + std::to_string(site->n_out) + "]");
    }
    if (rank > table.max_rank()) {
        throw file.error("adapter_rank", "has rank " + std::to_string(rank) + ", above the limit of " + std::to_string(table.max_rank()));
    }
    return *site;
}

// Shapes of the converted matrices.
AdapterWeight shapes_of(const AdapterSite & site, int64_t rank, float alpha) {
    AdapterWeight weight = {};
    weight.scale = alpha != 0 ? alpha / (float) rank : 1.0f;
    if (site.is_embedding) {
        const int64_t width = whole_shape(1, rank).n_panels() * STRIP_OUTPUTS;
        weight.a_shape = whole_shape(site.n_out, width);
        weight.b_shape = whole_shape(rank, site.n_in);
    } else {
        weight.a_shape = chunked_shape(site.n_in, rank);
        weight.b_shape = whole_shape(rank, site.n_out);
    }
    return weight;
}

// A weight's kind, e.g. "attn_q" for "blk.0.attn_q.weight".
std::string target_of(std::string name) {
    if (name.rfind("blk.", 0) == 0) {
        name.erase(0, std::min(name.size(), name.find('.', 4) + 1));
    }
    const size_t end = name.rfind(".weight");
    return end == std::string::npos ? name : name.substr(0, end);
}

AdapterInfo info_of(const AdapterFile & file, float alpha) {
    AdapterInfo info;
    info.name         = string_key(file.header.get(), "general.name");
    info.architecture = string_key(file.header.get(), "general.architecture");
    info.alpha        = alpha;
    std::set<std::string> targets;
    for (const auto & [name, pair] : file.pairs) {
        info.rank = std::max(info.rank, (int32_t) pair.b->ne[0]);
        targets.insert(target_of(name));
    }
    info.targets.assign(targets.begin(), targets.end());
    const int64_t id = gguf_find_key(file.header.get(), "adapter.alora.invocation_tokens");
    if (id >= 0) {
        const bool is_u32 = gguf_get_kv_type(file.header.get(), id) == GGUF_TYPE_ARRAY && gguf_get_arr_type(file.header.get(), id) == GGUF_TYPE_UINT32;
        if (!is_u32) {
            throw file.error("adapter_not_gguf", "has invocation tokens that are not an array of uint32");
        }
        const auto * tokens = (const uint32_t *) gguf_get_arr_data(file.header.get(), id);
        info.invocation_tokens.assign(tokens, tokens + gguf_get_arr_n(file.header.get(), id));
    }
    return info;
}

// Converts a matrix and returns the power of two that its values were multiplied by.
float convert(const StripShape & shape, const std::vector<float> & values, uint16_t * to) {
    const float factor = f16_factor(values.data(), values.size());
    write_strips(shape, values.data(), factor, to);
    return factor;
}

// Converts a matrix with a row of `rank` values for each token.
float convert_rows(int64_t n_rows, int64_t rank, std::vector<float> & values, uint16_t * to) {
    const float factor = f16_factor(values.data(), values.size());
    const int64_t width = whole_shape(1, rank).n_panels() * STRIP_OUTPUTS;
    std::fill(to, to + n_rows * width, (uint16_t) 0);
    for (int64_t row = 0; row < n_rows; ++row) {
        float * from = values.data() + row * rank;
        std::transform(from, from + rank, from, [factor](float value) { return value * factor; });
        ggml_fp32_to_fp16_row(from, (ggml_fp16_t *) to + row * width, rank);
    }
    return factor;
}

struct Change {
    AdapterSite * site;
    Pair          pair;
};

// The weights that an adapter changes, in the order in which a step reads them.
std::vector<Change> checked_changes(const AdapterFile & file, AdapterTable & table) {
    std::vector<Change> changes;
    for (const auto & [name, pair] : file.pairs) {
        changes.push_back({ &checked_site(file, name, pair, table), pair });
    }
    std::sort(changes.begin(), changes.end(), [](const Change & a, const Change & b) { return a.site->order < b.site->order; });
    return changes;
}

void check_room(const std::string & path, uint64_t bytes) {
    const uint64_t available = available_memory();
    if (available > 0 && bytes > available) {
        throw Error("out_of_memory", "adapter " + path + " needs " + std::to_string(bytes >> 20) + " MiB, but only " +
                    std::to_string(available >> 20) + " MiB are free");
    }
}

// Reads and converts both matrices to the arena from `to` on. Returns the end.
uint16_t * fill(AdapterFile & file, const Change & change, AdapterWeight & weight, uint16_t * to) {
    std::vector<float> values;
    file.read(change.pair.a, values);
    const float of_a = change.site->is_embedding ? convert_rows(weight.a_shape.n_in, weight.rank(), values, to) : convert(weight.a_shape, values, to);
    weight.a = to;
    weight.b = to + weight.a_shape.size();
    file.read(change.pair.b, values);
    const float of_b = convert(weight.b_shape, values, to + weight.a_shape.size());
    weight.scale = (float) (weight.scale / ((double) of_a * of_b));
    return to + weight.a_shape.size() + weight.b_shape.size();
}

} // namespace

std::shared_ptr<const Adapter> read_adapter(const std::string & path, const std::string & architecture, AdapterTable & table) {
    const AbortGuard guard;
    AdapterFile file(path);
    file.check_kind(architecture);
    const float alpha = file.alpha();
    file.find_pairs();
    const std::vector<Change> changes = checked_changes(file, table);
    file.check_size(std::filesystem::file_size(path));
    std::vector<Adapter::Part> parts;
    size_t size = 0; // in f16 values
    for (const Change & change : changes) {
        parts.push_back({ change.site, shapes_of(*change.site, change.pair.b->ne[0], alpha) });
        size += parts.back().weight.a_shape.size() + parts.back().weight.b_shape.size();
    }
    check_room(path, size * sizeof(uint16_t));
    auto adapter = std::make_shared<Adapter>(Adapter{ info_of(file, alpha), HalfArena(size), std::move(parts) });
    adapter->info.size_bytes = size * sizeof(uint16_t);
    uint16_t * to = adapter->arena.data();
    for (size_t i = 0; i < changes.size(); ++i) {
        to = fill(file, changes[i], adapter->parts[i].weight, to);
    }
    return adapter;
}

} // namespace pagoda
