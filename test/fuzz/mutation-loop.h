// main() of a fuzzer: runs every file in a corpus, then seeded mutations of them, until the time is up. On
// a failure, the input is written to a file first. A program that includes this header defines libFuzzer's
// entry point, so it can also be linked with -fsanitize=fuzzer without this header.
//
//   <program> <seconds> <seed> <corpus folder> <file for a failing input> [arguments of the target]
#pragma once

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int  LLVMFuzzerTestOneInput(const uint8_t * data, size_t size);
extern "C" void __sanitizer_set_death_callback(void (*callback)());

// Defined by the target: strings for mutations to insert, and the setup with the target's argument.
std::vector<std::string> fuzz_words();
void                     fuzz_start(const char * argument);

namespace fuzz {

using Bytes = std::vector<uint8_t>;

constexpr unsigned MAX_SECONDS_A_RUN = 10;
constexpr size_t   MAX_BYTES         = 1u << 16;

struct Random { // splitmix64
    uint64_t state;

    uint64_t next() {
        uint64_t z = (state += 0x9e3779b97f4a7c15ull);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        return z ^ (z >> 31);
    }

    size_t below(size_t bound) { return bound == 0 ? 0 : (size_t) (next() % bound); }
};

inline const Bytes * running = nullptr;
inline std::string   crash_path;

inline void save_input() {
    if (running) {
        std::ofstream(crash_path, std::ios::binary).write((const char *) running->data(), (std::streamsize) running->size());
    }
}

inline void on_signal(int signal) {
    save_input();
    std::fprintf(stderr, "killed by signal %d\n", signal);
    _exit(70);
}

inline std::vector<Bytes> read_corpus(const std::string & folder) {
    std::vector<std::filesystem::path> paths;
    for (const auto & entry : std::filesystem::directory_iterator(folder)) {
        paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    std::vector<Bytes> corpus;
    for (const auto & path : paths) {
        std::ifstream file(path, std::ios::binary);
        corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return corpus;
}

inline void overwrite_number(Bytes & bytes, Random & random) {
    static const uint64_t NUMBERS[] = { 0, 1, 2, 7, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
                                        0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0x100000000, 1ull << 40 };
    const size_t   width  = (size_t) 1 << random.below(4);
    const uint64_t number = NUMBERS[random.below(sizeof(NUMBERS) / sizeof(NUMBERS[0]))];
    if (bytes.size() >= width) {
        std::memcpy(bytes.data() + random.below(bytes.size() - width + 1), &number, width);
    }
}

inline void insert(Bytes & bytes, size_t at, const uint8_t * data, size_t size) {
    bytes.insert(bytes.begin() + (std::ptrdiff_t) at, data, data + size);
}

inline void mutate_once(Bytes & bytes, const std::vector<Bytes> & corpus, const std::vector<std::string> & words, Random & random) {
    const size_t at  = random.below(bytes.size() + 1);
    const size_t end = at + random.below(std::min<size_t>(bytes.size() - at, 64) + 1);
    switch (random.below(8)) {
        case 0: if (at < bytes.size()) { bytes[at] ^= (uint8_t) (1u << random.below(8)); } break;
        case 1: if (at < bytes.size()) { bytes[at] = (uint8_t) random.next(); } break;
        case 2: bytes.erase(bytes.begin() + (std::ptrdiff_t) at, bytes.begin() + (std::ptrdiff_t) end); break;
        case 3: { const Bytes part(bytes.begin() + (std::ptrdiff_t) at, bytes.begin() + (std::ptrdiff_t) end); insert(bytes, at, part.data(), part.size()); break; }
        case 4: overwrite_number(bytes, random); break;
        case 5: { const auto & word = words[random.below(words.size())]; insert(bytes, at, (const uint8_t *) word.data(), word.size()); break; }
        case 6: { const Bytes & other = corpus[random.below(corpus.size())]; const size_t from = random.below(other.size());
                  insert(bytes, at, other.data() + from, std::min<size_t>(other.size() - from, random.below(64))); break; }
        default: if (random.below(8) == 0) { bytes.resize(at); } break;
    }
    bytes.resize(std::min(bytes.size(), MAX_BYTES));
}

inline void run(const Bytes & input) {
    running = &input;
    alarm(MAX_SECONDS_A_RUN);
    LLVMFuzzerTestOneInput(input.data(), input.size());
    alarm(0);
    running = nullptr;
}

} // namespace fuzz

int main(int argc, char ** argv) {
    if (argc < 5) {
        return 64;
    }
    fuzz::crash_path = argv[4];
    __sanitizer_set_death_callback(fuzz::save_input);
    for (const int signal : { SIGALRM, SIGABRT }) {
        std::signal(signal, fuzz::on_signal);
    }
    fuzz_start(argc > 5 ? argv[5] : "");
    const auto   corpus = fuzz::read_corpus(argv[3]);
    const auto   words  = fuzz_words();
    fuzz::Random random { std::strtoull(argv[2], nullptr, 10) };
    const auto   end    = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(argv[1]));
    size_t       runs   = 0;
    for (const auto & input : corpus) {
        fuzz::run(input);
        ++runs;
    }
    while (!corpus.empty() && std::chrono::steady_clock::now() < end) {
        fuzz::Bytes input = corpus[random.below(corpus.size())];
        for (size_t i = 0, n = 1 + random.below(6); i < n; ++i) {
            fuzz::mutate_once(input, corpus, words, random);
        }
        fuzz::run(input);
        ++runs;
    }
    std::printf("%zu runs\n", runs);
    return 0;
}
