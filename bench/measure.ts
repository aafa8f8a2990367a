// Functions shared by the measurements: result lines, medians, slices in the order A B B A, prompts, and the
// share of the CPUs used by other processes.

import { readFileSync } from "node:fs";

/** Prints one result: its name, the figure, and the target ("" = none). */
export function report(name: string, figure: string, target = ""): void {
  console.log(`  ${name.padEnd(62)} ${figure.padStart(14)}   ${target}`.trimEnd());
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/**
 * Runs `a` and `b` `numPairs` times each, in the order a b b a ..., so that drift in the machine's speed affects both
 * equally.
 */
export async function inPairs<A, B>(
  numPairs: number,
  a: (pair: number) => Promise<A>,
  b: (pair: number) => Promise<B>,
): Promise<(readonly [A, B])[]> {
  const pairs: (readonly [A, B])[] = [];
  for (let pair = 0; pair < numPairs; pair++) {
    if (pair % 2 === 0) {
      pairs.push([await a(pair), await b(pair)]);
    } else {
      const second = await b(pair);
      pairs.push([await a(pair), second]);
    }
  }
  return pairs;
}

/** Ordinary token ids, int32 [length], different for each seed. */
export function tokensOf(seed: number, length: number): Int32Array {
  return Int32Array.from({ length }, (_, i) => 1000 + ((seed * 7919 + i * 104729) % 40_000));
}

export interface CpuTime {
  /** Busy seconds of all CPUs since boot; null if the system does not report them. */
  readonly busyS: number | null;
  /** The part of those seconds used by this process and its finished child processes. */
  readonly ownS: number;
  /** Wall clock time multiplied by the number of CPUs. */
  readonly capacityS: number;
}

let childrenS = 0;

/** Counts a child process's CPU seconds as the bench's own. */
export function countChild(seconds: number): void {
  childrenS += seconds;
}

export function cpuTime(): CpuTime {
  const { user, system } = process.cpuUsage();
  const capacityS = (performance.now() / 1000) * navigator.hardwareConcurrency;
  return { busyS: busySeconds(), ownS: childrenS + (user + system) / 1e6, capacityS };
}

/** Fraction of the CPU capacity that other processes used between two readings, 0..1; null = unknown. */
export function shareOfOthers(before: CpuTime, after: CpuTime): number | null {
  if (before.busyS === null || after.busyS === null) return null;
  const others = after.busyS - before.busyS - (after.ownS - before.ownS);
  return Math.max(0, others / (after.capacityS - before.capacityS));
}

/** Fields of /proc/stat: user nice system idle iowait irq softirq steal, in hundredths of a second. */
function busySeconds(): number | null {
  try {
    const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
      .split(/\s+/)
      .slice(1)
      .map(Number);
    return (user + nice + system + irq + softirq + steal) / 100;
  } catch {
    return null;
  }
}
