// A loaded LoRA adapter: for each weight W that it changes, scale * B (A x) is added to the product of W and a row x.
#pragma once

#include "adapters/strip-matrix.h"

#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace pagoda {

struct AdapterSite;

// AdapterInfo in src/protocol/model-info.ts.
struct AdapterInfo {
    std::string              name, architecture;
    int32_t                  rank = 0;
    float                    alpha = 0;
    std::vector<std::string> targets;
    std::vector<int32_t>     invocation_tokens;
    uint64_t                 size_bytes = 0;
};

struct AdapterWeight {
    // A is chunked or, for an embedding table, f16 [n_in, 16 * b_shape's panels of inputs] with one row per token.
    StripShape       a_shape, b_shape;
    const uint16_t * a;
    const uint16_t * b;
    float            scale; // includes the inverse of the factors of A and B

    int32_t rank() const { return b_shape.n_in; }
};

// Uninitialized f16 values, aligned to cache lines. Large arenas request huge pages, since each step reads them from start
// to end.
class HalfArena {
public:
    explicit HalfArena(size_t size);
    uint16_t * data() const { return memory.get(); }

private:
    struct Deleter {
        std::align_val_t alignment;
        void operator()(uint16_t * p) const { ::operator delete(p, alignment); }
    };
    std::unique_ptr<uint16_t, Deleter> memory;
};

struct Adapter {
    struct Part {
        AdapterSite * site;
        AdapterWeight weight; // in the arena
    };

    AdapterInfo       info;
    HalfArena         arena;
    std::vector<Part> parts;
};

} // namespace pagoda
