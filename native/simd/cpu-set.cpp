// If the CPU does not support the forced set, the best set below it is used.

#include "simd/cpu-set.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

#if defined(__x86_64__) || defined(_M_X64)
#include <cpuid.h>
#endif

namespace pagoda {

namespace {

std::string_view forced_set() {
    const char * env = std::getenv("PAGODA_CPU");
    return env ? env : "";
}

CpuSet pick() {
#if defined(__x86_64__) || defined(_M_X64)
    const std::string_view forced = forced_set();
    const bool has512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    const bool has2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    if (has512 && forced != "avxvnni" && forced != "avx2" && forced != "generic") {
        return CpuSet::avx512;
    }
    if (has2 && forced != "generic") {
        return CpuSet::avx2;
    }
#endif
    return CpuSet::generic;
}

#if defined(__x86_64__) || defined(_M_X64)
// Reads bit 4 of EAX in leaf 7, sub-leaf 1, since GCC 12 does not know the feature by name.
bool has_avxvnni() {
    uint32_t a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4);
}
#endif

bool pick_byte_dots() {
#if defined(__x86_64__) || defined(_M_X64)
    switch (cpu_set()) {
        case CpuSet::avx512:  return __builtin_cpu_supports("avx512vnni");
        case CpuSet::avx2:    return forced_set() != "avx2" && has_avxvnni();
        case CpuSet::generic: return false;
    }
#endif
    return false;
}

bool pick_bf16_dots() {
#if defined(__x86_64__) || defined(_M_X64)
    return cpu_set() == CpuSet::avx512 && forced_set() != "avx512" && __builtin_cpu_supports("avx512bf16");
#endif
    return false;
}

} // namespace

bool cpu_has_bf16_dots() {
    static const bool has = pick_bf16_dots();
    return has;
}

bool cpu_has_byte_dots() {
    static const bool has = pick_byte_dots();
    return has;
}

CpuSet cpu_set() {
    static const CpuSet set = pick();
    return set;
}

} // namespace pagoda
