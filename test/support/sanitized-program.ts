// Builds C++ test programs from some of the addon's sources in the build folder, with AddressSanitizer and
// UndefinedBehaviorSanitizer. Rebuilds a program when one of its sources has changed.

import { expect } from "bun:test";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { Checkout } from "../../scripts/checkout.ts";
import { COMPILER, needTool } from "../../scripts/needed-tools.ts";
import { runOrFail } from "../../scripts/shell.ts";

export interface SanitizedProgram {
  /** Base name of the main source, <folder>/<name>.cpp. */
  readonly name: string;
  /** Folder of the main source; default: test/native/kernels. */
  readonly folder?: string;
  /** Addon sources, as <source> in native/<source>.cpp, each with its own flags. */
  readonly sources: Readonly<Record<string, readonly string[]>>;
  /** llama.cpp files to compile with sanitizers instead of linking the library's objects. */
  readonly upstream?: readonly string[];
  /** Libraries of llama.cpp and ggml from the addon's build, in link order with "ggml-base" last. */
  readonly libraries?: readonly string[];
}

/** Flags for the addon's AVX2 files. */
export const AVX2 = ["-mavx2", "-mfma", "-mf16c"];
export const AVX512 = [
  ...["f", "bw", "dq", "vl"].map((part) => `-mavx512${part}`),
  ...["-mfma", "-mf16c"],
];

/** Matrix kernels for all instruction sets. weight-blocks.cpp includes unused functions from ggml. */
export const GEMM_SOURCES = {
  "simd/cpu-set": [],
  "matmul/gemm": [],
  "matmul/packed-weights": [],
  "matmul/weight-blocks": ["-Wno-unused-function"],
  "matmul/gemm-avx2": AVX2,
  "matmul/gemm-avxvnni": [...AVX2, "-mavxvnni"],
  "matmul/gemm-avx512vnni": [...AVX512, "-mavx512vnni"],
} as const;

/** Matrices of LoRA adapters and their kernels for all instruction sets. */
export const ADAPTER_KERNELS = {
  "simd/cpu-set": [],
  "adapters/strip-matrix": [],
  "adapters/strips": [],
  "adapters/strips-generic": [],
  "adapters/strips-avx2": AVX2,
  "adapters/strips-avx512": [...AVX512, "-Wno-maybe-uninitialized"],
} as const;

/** The attention op with all kernel sets. */
export const ATTENTION_SOURCES = {
  "simd/cpu-set": [],
  "attention/op": [],
  "attention/plan": [],
  "attention/fold": [],
  "attention/select": [],
  "attention/kernel-generic": [],
  "attention/kernel-avx2": AVX2,
  "attention/kernel-avx512": AVX512,
  "attention/kernel-avx512bf16": [...AVX512, "-mavx512bf16"],
} as const;

/** Flags that make sums in loops over rows bitwise identical with every instruction set. */
const EXACT = ["-ffp-contract=off", "-Wno-uninitialized"];

/** Loops over rows of logits, for all instruction sets. */
export const ROW_SOURCES = {
  "simd/cpu-set": [],
  "sampling/row-scan": [],
  "sampling/row-kernel-generic": EXACT,
  "sampling/row-kernel-avx2": [...EXACT, ...AVX2],
  "sampling/row-kernel-avx512": [...EXACT, ...AVX512],
} as const;

/** Matrix products in graphs; also requires GEMM_SOURCES and ROW_SOURCES. */
export const PRODUCT_SOURCES = {
  "matmul/packed-buffer": ["-Wno-unused-function"],
  "matmul/product": ["-Wno-unused-function"],
  "matmul/screen": [],
  "matmul/activation-store": [],
  "head/head": [],
} as const;

const FLAGS = [
  ...["-std=c++17", "-O1", "-g1", "-Wall", "-Wextra", "-Wno-maybe-uninitialized"],
  ...["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"],
];

/** Release flags. UBSan's enum check is off because llama.cpp reads enums from files before validating them. */
const UPSTREAM = ["-w", "-DNDEBUG", "-fno-sanitize=enum"];

const checkout = new Checkout();
const FOLDER = checkout.path("build", "sanitized");
const INCLUDES = [
  ...["native", "build/llama.cpp/include", "build/llama.cpp/src"],
  ...["build/llama.cpp/common", "build/llama.cpp/vendor"],
  ...["include", "src", "src/ggml-cpu"].map((part) => `build/llama.cpp/ggml/${part}`),
];

/** @returns the program's path @throws SetupError if it cannot be built */
export async function buildSanitized(program: SanitizedProgram): Promise<string> {
  const { name, folder = "test/native/kernels", sources, upstream = [], libraries = [] } = program;
  const own = join(folder, `${name}.cpp`);
  // Includes the patches, which change headers of llama.cpp.
  const headers = ["native", folder, "third_party/patches"].flatMap((path) =>
    checkout.filesIn(path, [".h", ".patch"]),
  );
  const natives = Object.keys(sources).map((source) => join("native", `${source}.cpp`));
  const stamp = checkout.stampOf(
    [own, ...natives, ...headers],
    [...FLAGS, ...UPSTREAM, JSON.stringify(program)],
  );
  const path = join(FOLDER, name);
  const step = `sanitized-${name}`;
  if (existsSync(path) && checkout.readStamp(step) === stamp) return path;
  const compiler = needTool(COMPILER);
  mkdirSync(FOLDER, { recursive: true });
  const objects = await Promise.all([
    compile(compiler, own, headers, []),
    ...Object.entries(sources).map(([source, flags]) =>
      compile(compiler, join("native", `${source}.cpp`), headers, flags),
    ),
    ...upstream.map((source) =>
      compile(compiler, join("build/llama.cpp", source), headers, UPSTREAM),
    ),
  ]);
  const built = await Promise.all([...libraries, "ggml-base"].map(libraryAt));
  const command = [compiler, ...FLAGS, ...objects, ...built, "-lpthread", "-o", path];
  await runOrFail(command, `linking ${name}`);
  checkout.writeStamp(step, stamp);
  return path;
}

/** Compiles a source unless another program already did. @returns the object file's path */
async function compile(
  compiler: string,
  source: string,
  headers: readonly string[],
  flags: readonly string[],
): Promise<string> {
  const options = [...FLAGS, ...flags];
  const stamp = checkout.stampOf([source, ...headers], [...options, ...INCLUDES]).slice(0, 12);
  const object = join(FOLDER, `${basename(source, ".cpp")}-${stamp}.o`);
  if (existsSync(object)) return object;
  // The file is renamed once it is complete, so that an interrupted build leaves no partial object.
  const half = `${object}.${process.pid}`;
  const includes = INCLUDES.map((part) => `-I${checkout.path(part)}`);
  const command = [compiler, ...options, ...includes, "-c", checkout.path(source), "-o", half];
  await runOrFail(command, `compiling ${source}`);
  renameSync(half, object);
  return object;
}

async function libraryAt(name: string): Promise<string> {
  const cwd = checkout.path("build", "native");
  const found = new Bun.Glob(`**/lib${name}.a`).scan({ cwd, absolute: true });
  const [path = ""] = await Array.fromAsync(found);
  return path;
}

export interface SanitizedRun {
  /** Lines of standard output. */
  readonly lines: readonly string[];
  /** Report from the sanitizers. */
  readonly stderr: string;
  readonly exitCode: number;
}

/** @param cpu value of PAGODA_CPU; "" = the best instruction set */
export function runSanitized(program: string, cpu: string, ...words: string[]): SanitizedRun {
  const { stdout, stderr, exitCode } = Bun.spawnSync([program, ...words], {
    env: { ...process.env, PAGODA_CPU: cpu },
  });
  return { lines: stdout.toString().trim().split("\n"), stderr: stderr.toString(), exitCode };
}

/** Expects a program to print its kernel set and "ok", or "none: ..." if this CPU supports no kernels. */
export function expectOk(program: string, cpu: string): void {
  const { lines, stderr, exitCode } = runSanitized(program, cpu);
  const [line = ""] = lines;
  console.log(`PAGODA_CPU=${cpu}: ${line}`);
  expect(stderr).toBe("");
  if (!line.startsWith("none:")) expect(lines).toEqual([line.replace(/ .*/, " ok")]);
  expect(exitCode).toBe(0);
}
