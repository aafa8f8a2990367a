// Builds and runs this folder's kernel program. It is linked with the addon's object files, so it times the
// code that servers run.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { BenchError } from "../bench-error.ts";
import type { ForcedSet } from "../probe/cpu.ts";
import { compiled, outputOf } from "../program.ts";

const ROOT = join(import.meta.dir, "..", "..");
const OBJECTS = join(ROOT, "build", "native", "CMakeFiles", "pagoda.dir", "native");
const GGML = join(ROOT, "build", "native", "build-llama", "ggml", "src", "libggml-base.a");

/** Source files in native/ that contain the kernels. */
const SOURCES = [
  "simd/cpu-set",
  ...["gemm", "gemm-avx2", "gemm-avxvnni", "gemm-avx512vnni"].map((name) => `matmul/${name}`),
  ...["matmul/packed-weights", "matmul/weight-blocks"],
  ...["attention/op", "attention/plan", "attention/fold", "attention/select"],
  ...["generic", "avx2", "avx512", "avx512bf16"].map((set) => `attention/kernel-${set}`),
  ...["generic", "avx2", "avx512"].map((set) => `sampling/row-kernel-${set}`),
  ...["sampling/row-scan", "sampling/candidates", "sampling/cut-search"],
];

const INCLUDES = [
  ...["native", "test/native/kernels"],
  ...["build/llama.cpp/include", "build/llama.cpp/ggml/include"],
].map((path) => `-I${join(ROOT, path)}`);

/** Names of the instruction sets in use, such as "avx512vnni", "avx2" and "generic". */
export interface KernelSets {
  readonly products: string;
  readonly attention: string;
  readonly rows: string;
}

interface Timed {
  readonly seconds: number;
  /** Number of bytes read, counting each byte once. */
  readonly bytes: number;
}

export interface ProductTime extends Timed {
  /** "tooth" = one of a series of batch sizes, used to find sizes that are slower than a larger one. */
  readonly kind: "product" | "tooth";
  readonly type: string;
  /** Dimensions of the weights. */
  readonly cols: number;
  readonly rows: number;
  /** Number of activation rows. */
  readonly batch: number;
  /** A multiply-add counts as two operations. */
  readonly ops: number;
}

export interface AttentionTime extends Timed {
  readonly kind: "attention";
  /** Data type of K and V. */
  readonly type: string;
  readonly heads: number;
  readonly kvHeads: number;
  readonly sequences: number;
  readonly context: number;
}

/** A prompt chunk whose last token is at the end of the context. */
export interface ChunkTime {
  readonly kind: "chunk";
  /** Data type of K and V. */
  readonly type: string;
  readonly heads: number;
  readonly kvHeads: number;
  readonly tokens: number;
  readonly context: number;
  readonly seconds: number;
  /**
   * Operations in both products, counting only the context that each token attends to; a multiply-add counts
   * as two.
   */
  readonly ops: number;
}

export interface RowTime extends Timed {
  readonly kind: "row";
  readonly pass: string;
  readonly vocabulary: number;
}

export interface KernelTimes {
  readonly sets: KernelSets;
  readonly times: readonly (ProductTime | AttentionTime | ChunkTime | RowTime)[];
}

export interface KernelRun {
  readonly part: "products" | "attention" | "rows";
  readonly set: ForcedSet | null;
  readonly threads: number;
  /** Approximate duration of each measurement. */
  readonly milliseconds: number;
}

/** @throws BenchError when the addon is not built */
export async function timeKernels(run: KernelRun): Promise<KernelTimes> {
  const { part, set, threads, milliseconds } = run;
  const command = [await program(), `${threads}`, `${milliseconds}`, part];
  const text = await outputOf(command, set === null ? {} : { PAGODA_CPU: set });
  const [sets, ...times] = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return { sets, times };
}

function program(): Promise<string> {
  const objects = SOURCES.map((source) => join(OBJECTS, `${source}.cpp.o`));
  const missing = [...objects, GGML].find((path) => !existsSync(path));
  if (missing !== undefined) throw new BenchError(`${missing} is missing; run \`bun run setup\``);
  const own = readdirSync(import.meta.dir).map((name) => join(import.meta.dir, name));
  const sources = own.filter((path) => path.endsWith(".cpp"));
  const headers = own.filter((path) => path.endsWith(".h"));
  const inputs = [...sources, ...headers, ...objects, GGML];
  return compiled("kernels", ["c++", "g++", "clang++"], inputs, (compiler, path) => [
    ...[compiler, "-std=c++17", "-O2", ...INCLUDES, ...sources, ...objects, GGML],
    ...["-lpthread", "-o", path],
  ]);
}
