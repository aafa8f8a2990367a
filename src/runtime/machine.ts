// What the machine and the system are, for reports: nothing here decides anything.

import { accessSync, constants, existsSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, release, totalmem } from "node:os";
import { dirname } from "node:path";
import { isBundled, orEmpty, readText } from "./system.ts";

export interface Machine {
  readonly platform: string;
  /** Distribution, or the platform again. */
  readonly system: string;
  readonly kernel: string;
  readonly cpu: string;
  /** Those of the flags that kernels are chosen by; null where the system does not tell. */
  readonly cpuFeatures: readonly string[] | null;
  readonly numCpus: number;
  readonly memoryBytes: number;
  readonly bunVersion: string;
  /** The program is one file, not source. */
  readonly isExecutable: boolean;
  /** Names and memory as the driver's tool tells them; empty without one. */
  readonly gpus: readonly string[];
}

const textOrEmpty = orEmpty(readText);

const FEATURES = /^(avx\w*|fma|f16c|amx\w*|asimd\w*|i8mm|bf16|sve\w*|neon)$/;

export function machine(): Machine {
  return {
    platform: `${platform()}-${arch()}`,
    system: /^PRETTY_NAME="?([^"\n]+)/m.exec(textOrEmpty("/etc/os-release"))?.[1] ?? platform(),
    kernel: release(),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cpuFeatures: cpuFeatures(),
    numCpus: availableParallelism(),
    memoryBytes: totalmem(),
    bunVersion: Bun.version,
    isExecutable: isBundled(),
    gpus: gpus(),
  };
}

function cpuFeatures(): string[] | null {
  const flags = /^(?:flags|Features)\s*:\s*(.+)$/m.exec(textOrEmpty("/proc/cpuinfo"))?.[1];
  return flags?.split(" ").filter((flag) => FEATURES.test(flag)) ?? null;
}

function gpus(): string[] {
  const tool = Bun.which("nvidia-smi");
  if (tool === null) return [];
  const query = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"];
  const { exitCode, stdout } = Bun.spawnSync([tool, ...query], { timeout: 5000 });
  return exitCode === 0 ? stdout.toString().trim().split("\n") : [];
}

/** Whether files can be made in a folder, or the folder itself where it is not there yet. */
export function canWriteIn(folder: string): boolean {
  if (!existsSync(folder)) return canWriteIn(dirname(folder));
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
