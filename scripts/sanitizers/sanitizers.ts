// The table of sanitizers that the addon's tests run under.

import { join } from "node:path";

export interface Sanitizer {
  readonly compilerFlags: readonly string[];
  /** Targets of the build that get its flags. */
  readonly targets: readonly string[];
  /** Libraries of the compiler, loaded before Bun's own: Bun is not instrumented. */
  readonly runtimes: readonly string[];
  /** Sources of libraries that are loaded after these. */
  readonly shims: readonly string[];
  /** Options of the runtimes, by the variable that they are read from. */
  readonly options: Readonly<Record<string, readonly string[]>>;
  /** Of planted-faults.cpp: those that it must report, or nothing that it calls clean is. */
  readonly faults: readonly string[];
}

const GGML = ["ggml", "ggml-base", "ggml-cpu"];
const LLAMA = ["llama", "llama-common", "llama-common-base", "cpp-httplib"];

export const SANITIZERS: Readonly<Record<string, Sanitizer>> = {
  asan: {
    // Beside libasan.so, a libubsan.so would write to standard error whatever its options say.
    compilerFlags: ["-fsanitize=address,undefined", "-static-libubsan"],
    // llama.cpp's own files would take five more minutes to compile.
    targets: ["pagoda", ...GGML],
    runtimes: ["libasan.so"],
    shims: [join(import.meta.dir, "signal-stack.cpp")],
    options: {
      // What JavaScriptCore holds from within its own heap would be taken for leaks. A model file may ask for
      // terabytes: running out of memory is an answer, here as without a sanitizer.
      ASAN_OPTIONS: ["detect_leaks=0", "handle_segv=2", "allocator_may_return_null=1"],
      UBSAN_OPTIONS: ["print_stacktrace=1"],
    },
    faults: ["heap_overflow", "use_after_free", "wild_pointer", "signed_overflow"],
  },
  tsan: {
    compilerFlags: ["-fsanitize=thread"],
    // It takes for a race what is ordered by code that it does not see.
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

/**
 * Tests of the addon that cannot run with a sanitised one, or need not. Beside them go those that build
 * programs with sanitizers of their own.
 */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  "native/architectures": "reads the pinned source, which the copied tree does not have",
  "native/commands": STARTS,
  "native/every-tokenizer": "takes minutes then; a fuzzer runs the same code with sanitizers",
  "native/jinja-engine": COMPARES,
  "native/pin-templates": COMPARES,
  "native/serve-log": STARTS,
  "native/stopping": STARTS,
  "native/executable": "is about the release that is given away",
  "native/package": "is about the release that is given away",
};
