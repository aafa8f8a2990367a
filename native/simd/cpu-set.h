// The instruction set that kernels are chosen by, once a process. PAGODA_CPU=avx512|avxvnni|avx2|generic forces
// a lower one (avx512: without BF16), so that all are tested on the best machine. Any thread.
#pragma once

namespace pagoda {

enum class CpuSet {
    generic,
    avx2,   // with FMA and F16C
    avx512, // F, BW, VL and DQ
};

CpuSet cpu_set();

// Whether the set comes with dot products of bytes (VNNI): as AVX-512 VNNI, or with avx2 as AVX-VNNI.
bool cpu_has_byte_dots();

// Whether avx512 comes with dot products of bf16 pairs (AVX512-BF16).
bool cpu_has_bf16_dots();

} // namespace pagoda
