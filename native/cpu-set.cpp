// A forced set that the CPU does not have is ignored: the best below it is taken.

#include "cpu-set.h"

#include <cstdlib>
#include <string_view>

namespace pagoda {

namespace {

CpuSet pick() {
#if defined(__x86_64__) || defined(_M_X64)
    const char * env = std::getenv("PAGODA_CPU");
    const std::string_view forced = env ? env : "";
    const bool has512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    const bool has2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    if (has512 && forced != "avx2" && forced != "generic") {
        return CpuSet::avx512;
    }
    if (has2 && forced != "generic") {
        return CpuSet::avx2;
    }
#endif
    return CpuSet::generic;
}

} // namespace

CpuSet cpu_set() {
    static const CpuSet set = pick();
    return set;
}

} // namespace pagoda
