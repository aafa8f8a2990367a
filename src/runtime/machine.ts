// Describes the machine and the system, for reports only.

import { accessSync, constants, existsSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, release, totalmem } from "node:os";
import { dirname } from "node:path";
import { isBundled, orEmpty, readText } from "./system.ts";

export interface Machine {
  readonly platform: string;
  /** Distribution, otherwise the platform. */
  readonly system: string;
  readonly kernel: string;
  readonly cpu: string;
  /** CPU flags that determine the choice of kernels; null if the system does not report them. */
  readonly cpuFeatures: readonly string[] | null;
  readonly numCpus: number;
  readonly memoryBytes: number;
  readonly bunVersion: string;
  /** Whether the program is a single executable rather than source. */
  readonly isExecutable: boolean;
  /** Names and memory reported by the driver's tool; empty if there is no such tool. */
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

/** @returns whether files can be created in a folder, which might not exist yet */
export function canWriteIn(folder: string): boolean {
  if (!existsSync(folder)) return canWriteIn(dirname(folder));
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
