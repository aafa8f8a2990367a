// Deliberate faults in a sanitized addon; sanitize.ts checks that they are reported. Not part of any other build.

#include <cstdint>
#include <thread>

#define PAGODA_FAULT extern "C" __attribute__((visibility("default"))) int32_t

namespace {

// Unknown at compile time, so that no fault is optimized away.
volatile int32_t eight = 8;

} // namespace

PAGODA_FAULT heap_overflow() {
    int32_t *     items = new int32_t[eight];
    const int32_t read  = items[eight];
    delete[] items;
    return read;
}

PAGODA_FAULT use_after_free() {
    int32_t * items = new int32_t[eight];
    items[eight - 1] = 1;
    delete[] items;
    return items[eight - 2];
}

PAGODA_FAULT wild_pointer() {
    return *(int32_t *) (uintptr_t) eight;
}

PAGODA_FAULT signed_overflow() {
    const int32_t largest = INT32_MAX - 8 + eight;
    return largest + eight;
}

PAGODA_FAULT data_race() {
    int32_t     count = 0;
    std::thread other([&] { count += eight; });
    count += 1;
    other.join();
    return count;
}
