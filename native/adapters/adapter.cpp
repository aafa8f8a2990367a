// Memory of adapters.

#include "adapters/adapter.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace pagoda {

namespace {

constexpr size_t CACHE_LINE = 64;
constexpr size_t HUGE_PAGE  = 2 << 20;

std::align_val_t alignment_of(size_t bytes) { return std::align_val_t(bytes >= HUGE_PAGE ? HUGE_PAGE : CACHE_LINE); }

} // namespace

HalfArena::HalfArena(size_t size)
    : memory((uint16_t *) ::operator new(size * sizeof(uint16_t), alignment_of(size * sizeof(uint16_t))),
             Deleter{ alignment_of(size * sizeof(uint16_t)) }) {
#ifdef __linux__
    const size_t huge = size * sizeof(uint16_t) / HUGE_PAGE * HUGE_PAGE;
    if (huge > 0) {
        madvise(memory.get(), huge, MADV_HUGEPAGE);
    }
#endif
}

} // namespace pagoda
