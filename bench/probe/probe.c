// Measures machine limits, for comparison with other figures: bytes of memory read per second, and int8 dot
// products and floating-point products per second with each available instruction set. Prints one JSON object.
//   probe MILLISECONDS THREADS duration of each loop, and the number of threads

#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#define MAX_THREADS 256
// Far larger than any cache, so that every byte comes from memory.
#define READ_BYTES ((size_t)256 << 20)
#define DOTS_A_ROUND 4096
#define LARGE_PAGE ((size_t)2 << 20)

// CPU time of the calling thread, so that other processes do not lower the rates measured by the dot loops.
static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// One thread's share of a loop. `round` does some work and returns the amount of work done.
typedef struct {
  double (*round)(const uint8_t *data, size_t size);
  const uint8_t *data;
  size_t size;
  double seconds;
  double rate;
} work;

// Results are stored here, so that no loop is optimized away.
static volatile uint64_t sink;

static void *run(void *argument) {
  work *w = argument;
  double done = 0, start = now_s(), end = start;
  while (end - start < w->seconds) {
    done += w->round(w->data, w->size);
    end = now_s();
  }
  w->rate = done / (end - start);
  return NULL;
}

// Sum of the threads' rates, in units per second.
static double rate_of(double (*round)(const uint8_t *, size_t), const uint8_t *data, size_t size, double seconds,
                      int threads) {
  pthread_t ids[MAX_THREADS];
  work works[MAX_THREADS];
  for (int i = 0; i < threads; i++) {
    size_t share = size / (size_t)threads;
    works[i] = (work){round, data + share * (size_t)i, share, seconds, 0};
    pthread_create(&ids[i], NULL, run, &works[i]);
  }
  double rate = 0;
  for (int i = 0; i < threads; i++) {
    pthread_join(ids[i], NULL);
    rate += works[i].rate;
  }
  return rate;
}

static inline double sum_words(const uint8_t *data, size_t size) {
  const uint64_t *words = (const uint64_t *)data;
  uint64_t sums[32] = {0};
  for (size_t i = 0; i + 32 <= size / 8; i += 32)
    for (int j = 0; j < 32; j++) sums[j] += words[i + (size_t)j];
  for (int j = 0; j < 32; j++) sink += sums[j];
  return (double)size;
}

static double read_plain(const uint8_t *data, size_t size) { return sum_words(data, size); }

static double dot_plain(const uint8_t *data, size_t size) {
  (void)size;
  int32_t sums[64] = {0};
  for (int i = 0; i < DOTS_A_ROUND; i++)
    for (int j = 0; j < 64; j++) sums[j] += (int32_t)data[j] * (int8_t)data[64 + j];
  for (int j = 0; j < 64; j++) sink += (uint64_t)sums[j];
  return 2.0 * 64 * DOTS_A_ROUND;
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

__attribute__((target("avx2"))) static double read_avx2(const uint8_t *data, size_t size) {
  __m256i sums[8];
  for (int j = 0; j < 8; j++) sums[j] = _mm256_setzero_si256();
  for (size_t i = 0; i + 256 <= size; i += 256)
    for (int j = 0; j < 8; j++)
      sums[j] = _mm256_add_epi64(sums[j], _mm256_loadu_si256((const __m256i *)(data + i + 32 * (size_t)j)));
  for (int j = 0; j < 8; j++) sink += (uint64_t)_mm256_extract_epi64(sums[j], 0);
  return (double)size;
}

// 8 sums in registers; 32 products per instruction pair. Sums have 16 bits, as in kernels for low-bit codes, which makes this an upper
// limit for all kernels.
__attribute__((target("avx2"))) static double dot_maddubs(const uint8_t *data, size_t size) {
  (void)size;
  __m256i a = _mm256_loadu_si256((const __m256i *)data), b = _mm256_loadu_si256((const __m256i *)(data + 32));
  __m256i sums[8];
  for (int j = 0; j < 8; j++) sums[j] = _mm256_setzero_si256();
  for (int i = 0; i < DOTS_A_ROUND; i++)
    for (int j = 0; j < 8; j++) {
      __asm__ volatile("" : "+x"(a), "+x"(b));
      sums[j] = _mm256_add_epi16(sums[j], _mm256_maddubs_epi16(a, b));
    }
  for (int j = 0; j < 8; j++) sink += (uint64_t)_mm256_extract_epi64(sums[j], 0);
  return 2.0 * 32 * 8 * DOTS_A_ROUND;
}

// Set for compilers whose headers include AVX-VNNI and all of AVX512-BF16.
#if defined(__GNUC__) && __GNUC__ >= 11
#define HAS_LATE_HEADERS 1
// 12 sums in registers; 32 products per instruction.
__attribute__((target("avx2,avxvnni"))) static double dot_avxvnni(const uint8_t *data, size_t size) {
  (void)size;
  __m256i a = _mm256_loadu_si256((const __m256i *)data), b = _mm256_loadu_si256((const __m256i *)(data + 32));
  __m256i sums[12];
  for (int j = 0; j < 12; j++) sums[j] = _mm256_setzero_si256();
  for (int i = 0; i < DOTS_A_ROUND; i++)
    for (int j = 0; j < 12; j++) {
      __asm__ volatile("" : "+x"(a), "+x"(b));
      sums[j] = _mm256_dpbusd_avx_epi32(sums[j], a, b);
    }
  for (int j = 0; j < 12; j++) sink += (uint64_t)_mm256_extract_epi64(sums[j], 0);
  return 2.0 * 32 * 12 * DOTS_A_ROUND;
}

// Bit 4 of EAX in leaf 7, sub-leaf 1: GCC 12 has no name for it.
static int has_avxvnni(void) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << 4));
}
#endif

// 16 sums in registers; 64 products per instruction.
__attribute__((target("avx512f,avx512bw,avx512vnni"))) static double dot_vnni(const uint8_t *data, size_t size) {
  (void)size;
  __m512i a = _mm512_loadu_si512(data), b = _mm512_loadu_si512(data + 64);
  __m512i sums[16];
  for (int j = 0; j < 16; j++) sums[j] = _mm512_setzero_si512();
  for (int i = 0; i < DOTS_A_ROUND; i++)
    for (int j = 0; j < 16; j++) {
      __asm__ volatile("" : "+v"(a), "+v"(b));
      sums[j] = _mm512_dpbusd_epi32(sums[j], a, b);
    }
  for (int j = 0; j < 16; j++) sink += (uint64_t)_mm512_reduce_add_epi32(sums[j]);
  return 2.0 * 64 * 16 * DOTS_A_ROUND;
}

// 10 sums in registers; 8 products per instruction.
__attribute__((target("avx2,fma"))) static double fma_avx2(const uint8_t *data, size_t size) {
  (void)data, (void)size;
  __m256 a = _mm256_set1_ps(0.5f), b = _mm256_set1_ps(0.25f), sums[10];
  for (int j = 0; j < 10; j++) sums[j] = _mm256_setzero_ps();
  for (int i = 0; i < DOTS_A_ROUND; i++)
    for (int j = 0; j < 10; j++) {
      __asm__ volatile("" : "+x"(a), "+x"(b));
      sums[j] = _mm256_fmadd_ps(a, b, sums[j]);
    }
  for (int j = 0; j < 10; j++) sink += (uint64_t)_mm256_cvtss_f32(sums[j]);
  return 2.0 * 8 * 10 * DOTS_A_ROUND;
}

// 16 sums in registers; 16 products per instruction.
__attribute__((target("avx512f"))) static double fma_avx512(const uint8_t *data, size_t size) {
  (void)data, (void)size;
  __m512 a = _mm512_set1_ps(0.5f), b = _mm512_set1_ps(0.25f), sums[16];
  for (int j = 0; j < 16; j++) sums[j] = _mm512_setzero_ps();
  for (int i = 0; i < DOTS_A_ROUND; i++)
    for (int j = 0; j < 16; j++) {
      __asm__ volatile("" : "+v"(a), "+v"(b));
      sums[j] = _mm512_fmadd_ps(a, b, sums[j]);
    }
  for (int j = 0; j < 16; j++) sink += (uint64_t)_mm512_reduce_add_ps(sums[j]);
  return 2.0 * 16 * 16 * DOTS_A_ROUND;
}

#ifdef HAS_LATE_HEADERS
// 16 sums in registers; 32 products per instruction.
__attribute__((target("avx512f,avx512bf16"))) static double dot_bf16(const uint8_t *data, size_t size) {
  (void)data, (void)size;
  __m512i a = _mm512_set1_epi32(0x3f003f00), b = a;
  __m512 sums[16];
  for (int j = 0; j < 16; j++) sums[j] = _mm512_setzero_ps();
  for (int i = 0; i < DOTS_A_ROUND; i++)
    for (int j = 0; j < 16; j++) {
      __asm__ volatile("" : "+v"(a), "+v"(b));
      sums[j] = _mm512_dpbf16_ps(sums[j], (__m512bh)a, (__m512bh)b);
    }
  for (int j = 0; j < 16; j++) sink += (uint64_t)_mm512_reduce_add_ps(sums[j]);
  return 2.0 * 32 * 16 * DOTS_A_ROUND;
}
#endif

#define HAS(feature) __builtin_cpu_supports(feature)
#endif

int main(int argc, char **argv) {
  double seconds = argc > 1 ? atof(argv[1]) / 1000 : 0.2;
  int threads = argc > 2 ? atoi(argv[2]) : 1;
  if (seconds <= 0 || threads < 1 || threads > MAX_THREADS) return 2;
  uint8_t *data = aligned_alloc(LARGE_PAGE, READ_BYTES);
  if (data == NULL) return 1;
#ifdef MADV_HUGEPAGE
  madvise(data, READ_BYTES, MADV_HUGEPAGE);
#endif
  memset(data, 3, READ_BYTES);

  double (*read)(const uint8_t *, size_t) = read_plain;
  double maddubs = 0, avxvnni = 0, vnni = 0, avx2 = 0, avx512 = 0, bf16 = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (HAS("avx2")) {
    read = read_avx2;
    maddubs = rate_of(dot_maddubs, data, READ_BYTES, seconds, threads);
  }
#ifdef HAS_LATE_HEADERS
  if (has_avxvnni()) avxvnni = rate_of(dot_avxvnni, data, READ_BYTES, seconds, threads);
#endif
  if (HAS("avx512f") && HAS("avx512bw") && HAS("avx512vnni"))
    vnni = rate_of(dot_vnni, data, READ_BYTES, seconds, threads);
  if (HAS("avx2") && HAS("fma")) avx2 = rate_of(fma_avx2, data, READ_BYTES, seconds, threads);
  if (HAS("avx512f")) avx512 = rate_of(fma_avx512, data, READ_BYTES, seconds, threads);
#ifdef HAS_LATE_HEADERS
  if (HAS("avx512f") && HAS("avx512bf16")) bf16 = rate_of(dot_bf16, data, READ_BYTES, seconds, threads);
#endif
#endif
  double plain = rate_of(dot_plain, data, READ_BYTES, seconds, threads);
  double bytes = rate_of(read, data, READ_BYTES, seconds, threads);
  printf("{\"threads\":%d,\"read_gbs\":%.2f,\"dot_tops\":{\"vnni\":%.4f,\"avxvnni\":%.4f,\"maddubs\":%.4f,\"plain\":%.4f},", threads,
         bytes / 1e9, vnni / 1e12, avxvnni / 1e12, maddubs / 1e12, plain / 1e12);
  printf("\"float_tops\":{\"bf16\":%.4f,\"avx512\":%.4f,\"avx2\":%.4f}}\n", bf16 / 1e12, avx512 / 1e12, avx2 / 1e12);
  return 0;
}
