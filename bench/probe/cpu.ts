// This CPU's name, features, and type.

import { readFileSync } from "node:fs";
import { cpus } from "node:os";

/** "vnni": with AVX512-VNNI; "avx2": without it. */
export type CpuKind = "vnni" | "avx2";

/** Instruction sets that a newer CPU can be limited to, as accepted by both PAGODA_CPU and bench/peers.sh. */
export const FORCED_SETS = ["avx2", "avxvnni"] as const;
export type ForcedSet = (typeof FORCED_SETS)[number];

const FEATURES = [
  "avx2",
  "f16c",
  "fma",
  "avx_vnni",
  "avx512f",
  "avx512bw",
  "avx512_vnni",
  "avx512_bf16",
  "amx_int8",
  "asimddp",
  "i8mm",
] as const;

export interface Cpu {
  readonly name: string;
  readonly numCpus: number;
  /** CPU features that the kernels use. */
  readonly features: readonly string[];
  readonly kind: CpuKind;
}

export function thisCpu(cpuinfo = readCpuinfo()): Cpu {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo)?.[1] ?? "";
  const flags = new Set(line.trim().split(/\s+/));
  const features = FEATURES.filter((feature) => flags.has(feature));
  const name = /^model name\s*:\s*(.*)$/m.exec(cpuinfo)?.[1] ?? cpus()[0]?.model ?? "unknown";
  return { name, numCpus: navigator.hardwareConcurrency, features, kind: kindOf(features) };
}

/** The CPU as seen by programs that are limited to an instruction set. */
export function heldTo(cpu: Cpu, set: ForcedSet | null): Cpu {
  if (set === null) return cpu;
  const isAbove = (feature: string) =>
    /^(avx512|amx)/.test(feature) || (set === "avx2" && feature === "avx_vnni");
  const features = cpu.features.filter((feature) => !isAbove(feature));
  return { ...cpu, features, kind: kindOf(features) };
}

const kindOf = (features: readonly string[]): CpuKind =>
  features.includes("avx512_vnni") ? "vnni" : "avx2";

function readCpuinfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}

export const kindName = (kind: CpuKind) =>
  kind === "vnni" ? "with AVX512-VNNI" : "without AVX512-VNNI";
