// How many threads the forward pass gets and which CPUs they are bound to, from the options and what
// the machine gives this process.

import { ConfigError } from "../errors.ts";
import { allowedCpus, numUsefulThreads } from "../runtime/cpus.ts";
import type { ReadFile } from "../runtime/system.ts";

export interface ThreadOptions {
  /** Null = decide. */
  readonly threads: number | null;
  /** Ascending; empty = bound to none. */
  readonly "cpu-affinity": readonly number[];
}

export interface ThreadPlan {
  readonly numThreads: number;
  /** [n] int32; empty = bound to none. */
  readonly cpuAffinity: Int32Array;
}

/** @throws ConfigError "invalid_option" for a CPU that this process may not use */
export function planThreads(options: ThreadOptions, readFile?: ReadFile): ThreadPlan {
  const allowed = allowedCpus(readFile);
  const bound = [...options["cpu-affinity"]];
  const refused = bound.find((cpu) => allowed?.includes(cpu) === false);
  if (refused !== undefined) {
    const message = `this process may not run on CPU ${refused}; it may on ${allowed?.join(", ")}`;
    throw new ConfigError("invalid_option", `--cpu-affinity: ${message}`);
  }
  const cpus = bound.length > 0 ? bound : allowed;
  return {
    numThreads: options.threads ?? numUsefulThreads(cpus, readFile),
    cpuAffinity: Int32Array.from(bound),
  };
}
