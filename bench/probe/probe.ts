// This machine's limits, measured by a small C program that is compiled on first use.

import { join } from "node:path";
import { report } from "../measure.ts";
import { compiled, outputOf } from "../program.ts";
import { type Cpu, kindName, thisCpu } from "./cpu.ts";

const SOURCE = join(import.meta.dir, "probe.c");

export interface Limits {
  readonly threads: number;
  /** Memory read rate of all threads together, in GB/s. */
  readonly readGbs: number;
  /** Int8 dot product rates in tera-operations per second; 0 if the CPU lacks the instructions. */
  readonly dotTops: {
    readonly vnni: number;
    readonly avxvnni: number;
    readonly maddubs: number;
    readonly plain: number;
  };
  /** Floating-point product rates in the same unit: bf16 pairs, and f32 in vectors of 16 and of 8. */
  readonly floatTops: { readonly bf16: number; readonly avx512: number; readonly avx2: number };
}

/** @throws BenchError if no C compiler is found */
export async function probe(threads: number, milliseconds = 200): Promise<Limits> {
  const program = await compiled("probe", ["cc", "gcc", "clang"], [SOURCE], (compiler, path) => [
    ...[compiler, "-O3", SOURCE, "-o", path, "-lpthread"],
  ]);
  const text = await outputOf([program, `${milliseconds}`, `${threads}`]);
  const found = JSON.parse(text) as {
    read_gbs: number;
    dot_tops: Limits["dotTops"];
    float_tops: Limits["floatTops"];
  };
  const { read_gbs: readGbs, dot_tops: dotTops, float_tops: floatTops } = found;
  return { threads, readGbs, dotTops, floatTops };
}

/** Tera-operations per second with the best of the CPU's instructions. */
export function bestTops({ dotTops }: Limits, { features }: Cpu): number {
  if (features.includes("avx512_vnni")) return dotTops.vnni;
  if (features.includes("avx_vnni")) return dotTops.avxvnni;
  return features.includes("avx2") ? dotTops.maddubs : dotTops.plain;
}

/** Like bestTops(), but for floating point; 0 if the CPU lacks AVX2. */
export function bestFloatTops({ floatTops }: Limits, { features }: Cpu): number {
  if (features.includes("avx512_bf16")) return floatTops.bf16;
  return features.includes("avx512f") ? floatTops.avx512 : floatTops.avx2;
}

/** `bun run bench probe`. */
export async function printProbe(): Promise<void> {
  const cpu = thisCpu();
  const threadCounts = new Set([1, cpu.numCpus]);
  report(`${cpu.name}, ${kindName(cpu.kind)}`, `${cpu.numCpus} CPUs`);
  report("features", cpu.features.join(" "));
  for (const threads of threadCounts) {
    const { readGbs, dotTops, floatTops } = await probe(threads);
    report(`memory read, ${threads} threads, GB/s`, readGbs.toFixed(1));
    for (const [name, tops] of Object.entries(dotTops)) {
      if (tops > 0) report(`int8 dot, ${name}, ${threads} threads, Tops`, tops.toFixed(3));
    }
    for (const [name, tops] of Object.entries(floatTops)) {
      if (tops > 0) report(`products, ${name}, ${threads} threads, Tflops`, tops.toFixed(3));
    }
  }
}
