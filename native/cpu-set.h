// The instruction set that kernels are chosen by, once a process. PAGODA_CPU=avx2|generic forces a lower
// one, so that all are tested on the best machine. Any thread.
#pragma once

namespace pagoda {

enum class CpuSet {
    generic,
    avx2,   // with FMA and F16C
    avx512, // F, BW, VL and DQ
};

CpuSet cpu_set();

} // namespace pagoda
