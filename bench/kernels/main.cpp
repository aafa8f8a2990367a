// Measures bytes and operations per second of the addon's kernels on this CPU, without a model.
// Prints JSON lines. The first line lists the instruction sets that PAGODA_CPU selects.
//
//   kernels THREADS MILLISECONDS products|attention|rows     MILLISECONDS: approximate duration of each measurement

#include "attention/select.h"
#include "matmul/gemm.h"
#include "rounds.h"
#include "simd/cpu-set.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace pagoda_bench;

namespace {

const char * row_set_name() {
    switch (pagoda::cpu_set()) {
        case pagoda::CpuSet::avx512:  return "avx512";
        case pagoda::CpuSet::avx2:    return "avx2";
        case pagoda::CpuSet::generic: break;
    }
    return "generic";
}

} // namespace

int main(int argc, char ** argv) {
    const int    threads  = argc > 3 ? std::atoi(argv[1]) : 0;
    const double budget_s = argc > 3 ? std::atof(argv[2]) / 1000 : 0;
    if (threads < 1 || !(budget_s > 0)) {
        return 2;
    }
    const pagoda::GemmKernels * products = pagoda::gemm_kernels();
    std::printf("{\"kind\":\"sets\",\"products\":\"%s\",\"attention\":\"%s\",\"rows\":\"%s\"}\n", products ? products->name : "ggml",
                pagoda::attention_kernel_name(), row_set_name());
    Crew crew(threads);
    if (std::strcmp(argv[3], "products") == 0) {
        bench_products(crew, budget_s);
    } else if (std::strcmp(argv[3], "attention") == 0) {
        bench_attention(crew, budget_s);
    } else {
        bench_rows(crew, budget_s);
    }
    return 0;
}
