// The instruction set that determines the kernels, chosen once per process. PAGODA_CPU=avx512|avxvnni|avx2|generic
// forces a lower set (avx512: without BF16), so that one machine can test all of them. Thread-safe.
#pragma once

namespace pagoda {

enum class CpuSet {
    generic,
    avx2,   // with FMA and F16C
    avx512, // F, BW, VL and DQ
};

CpuSet cpu_set();

// True if the set includes dot products of bytes: AVX-512 VNNI with avx512, AVX-VNNI with avx2.
bool cpu_has_byte_dots();

// True if avx512 includes dot products of bf16 pairs (AVX512-BF16).
bool cpu_has_bf16_dots();

} // namespace pagoda
