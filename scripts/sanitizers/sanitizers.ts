// Table of sanitizers for the addon's tests.

import { join } from "node:path";

export interface Sanitizer {
  readonly compilerFlags: readonly string[];
  /** Build targets that get these flags. */
  readonly targets: readonly string[];
  /** Compiler libraries to preload, since Bun is not instrumented. */
  readonly runtimes: readonly string[];
  /** Sources of libraries to load after the runtimes. */
  readonly shims: readonly string[];
  /** Options for the runtimes, by environment variable. */
  readonly options: Readonly<Record<string, readonly string[]>>;
  /**
   * Faults in planted-faults.cpp that the sanitizer must report, since otherwise clean runs prove nothing.
   */
  readonly faults: readonly string[];
}

const GGML = ["ggml", "ggml-base", "ggml-cpu"];
const LLAMA = ["llama", "llama-common", "llama-common-base", "cpp-httplib"];

export const SANITIZERS: Readonly<Record<string, Sanitizer>> = {
  asan: {
    // Next to libasan.so, a shared libubsan.so would ignore its options and write to standard
    // error.
    compilerFlags: ["-fsanitize=address,undefined", "-static-libubsan"],
    // llama.cpp's own files would take five more minutes to compile.
    targets: ["pagoda", ...GGML],
    runtimes: ["libasan.so"],
    shims: [join(import.meta.dir, "signal-stack.cpp")],
    options: {
      // Memory referenced only from JavaScriptCore's heap would be reported as leaks. Model files
      // can request terabytes, so running out of memory is a valid result, as it is without a
      // sanitizer.
      ASAN_OPTIONS: ["detect_leaks=0", "handle_segv=2", "allocator_may_return_null=1"],
      UBSAN_OPTIONS: ["print_stacktrace=1"],
    },
    faults: ["heap_overflow", "use_after_free", "wild_pointer", "signed_overflow"],
  },
  tsan: {
    compilerFlags: ["-fsanitize=thread"],
    // ThreadSanitizer reports false races if synchronization code is not instrumented.
    targets: ["pagoda", ...GGML, ...LLAMA],
    runtimes: ["libtsan.so"],
    shims: [],
    options: {
      TSAN_OPTIONS: [
        "exitcode=0",
        "ignore_noninstrumented_modules=1",
        `suppressions=${join(import.meta.dir, "tsan-suppressions.txt")}`,
      ],
    },
    faults: ["data_race"],
  },
};

const COMPARES = "compares templates with Python; a fuzzer runs the same code with sanitizers";
const STARTS = "starts programs as a user does, without the sanitizer's runtime";

const READS_SOURCE = "reads the pinned source, which the copied tree does not have";

/**
 * Addon tests that cannot or need not run with a sanitizer. Tests that build
 * their own programs with sanitizers are also left out.
 */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  "native/adapter-memory": "limits memory, and a sanitizer keeps freed memory",
  "native/architectures": READS_SOURCE,
  "native/call-history": READS_SOURCE,
  "native/commands": STARTS,
  "native/every-tokenizer":
    "takes minutes with a sanitizer; a fuzzer runs the same code with sanitizers",
  "native/hostile-grammars": "limits time and memory, and sanitizers need more of both",
  "native/jinja-engine": COMPARES,
  "native/lora-commands": STARTS,
  "native/pin-templates": COMPARES,
  "native/schema-outputs":
    "takes minutes with a sanitizer; native/structured-output runs the same code",
  "native/serve-log": STARTS,
  "native/stopping": STARTS,
  "native/executable": "tests the release build",
  "native/package": "tests the release build",
  "native/llama-server-flags": READS_SOURCE,
  "native/system-messages": READS_SOURCE,
};
