// The machine's own limits, from a small C program that is compiled when it is first asked for.

import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BenchError } from "../bench-error.ts";
import { report } from "../measure.ts";
import { kindName, thisCpu } from "./cpu.ts";

const SOURCE = join(import.meta.dir, "probe.c");
const BUILD = join(import.meta.dir, "..", "..", "build", "bench");

export interface Limits {
  readonly threads: number;
  /** GB/s from memory, all threads together. */
  readonly readGbs: number;
  /** Tera-operations a second of int8 dot products; 0 = the CPU lacks the instructions. */
  readonly dotTops: { readonly vnni: number; readonly maddubs: number; readonly plain: number };
}

/** @throws BenchError without a C compiler */
export async function probe(threads: number, milliseconds = 200): Promise<Limits> {
  const { exitCode, text } = await output([await program(), `${milliseconds}`, `${threads}`]);
  if (exitCode !== 0) throw new BenchError(`the probe failed with exit code ${exitCode}`);
  const { read_gbs: readGbs, dot_tops: dotTops } = JSON.parse(text) as {
    read_gbs: number;
    dot_tops: Limits["dotTops"];
  };
  return { threads, readGbs, dotTops };
}

/** Tera-operations of the best instructions that the CPU has. */
export const bestTops = ({ dotTops }: Limits) => Math.max(...Object.values(dotTops));

/** `bun run bench probe`. */
export async function printProbe(): Promise<void> {
  const cpu = thisCpu();
  const threadCounts = new Set([1, cpu.numCpus]);
  report(`${cpu.name}, ${kindName(cpu.kind)}`, `${cpu.numCpus} CPUs`);
  report("features", cpu.features.join(" "));
  for (const threads of threadCounts) {
    const { readGbs, dotTops } = await probe(threads);
    report(`memory read, ${threads} threads, GB/s`, readGbs.toFixed(1));
    for (const [name, tops] of Object.entries(dotTops)) {
      if (tops > 0) report(`int8 dot, ${name}, ${threads} threads, Tops`, tops.toFixed(3));
    }
  }
}

/** Compiled again when its source has changed. @returns its path */
async function program(): Promise<string> {
  const hash = Bun.hash(readFileSync(SOURCE)).toString(36);
  const path = join(BUILD, `probe-${hash}`);
  if (existsSync(path)) return path;
  const compiler = ["cc", "gcc", "clang"].find((name) => Bun.which(name) !== null);
  if (compiler === undefined) throw new BenchError("the probe needs a C compiler");
  mkdirSync(dirname(path), { recursive: true });
  const { exitCode, text } = await output([compiler, "-O3", SOURCE, "-o", path, "-lpthread"]);
  if (exitCode !== 0) throw new BenchError(`the probe cannot be compiled: ${text.trim()}`);
  return path;
}

async function output(command: readonly string[]) {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const exitCode = await child.exited;
  return { exitCode, text: exitCode === 0 ? out : err };
}
