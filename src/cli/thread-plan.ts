// Decides how many threads the forward pass uses and which CPUs they are bound to, based on the
// options and the CPUs that this process can use.

import { ConfigError } from "../errors.ts";
import { allowedCpus, numUsefulThreads } from "../runtime/cpus.ts";
import type { ReadFile } from "../runtime/system.ts";

export interface ThreadOptions {
  /** Number of threads; null = chosen automatically. */
  readonly threads: number | null;
  /** CPUs to bind threads to, ascending; empty = unbound. */
  readonly "cpu-affinity": readonly number[];
}

export interface ThreadPlan {
  readonly numThreads: number;
  /** CPUs to bind threads to, int32 [n]; empty = unbound. */
  readonly cpuAffinity: Int32Array;
}

/** @throws ConfigError "invalid_option" for a CPU that this process is not allowed to use */
export function planThreads(options: ThreadOptions, readFile?: ReadFile): ThreadPlan {
  const allowed = allowedCpus(readFile);
  const bound = [...options["cpu-affinity"]];
  const refused = bound.find((cpu) => allowed?.includes(cpu) === false);
  if (refused !== undefined) {
    const message = `this process cannot use CPU ${refused}; it can use ${allowed?.join(", ")}`;
    throw new ConfigError("invalid_option", `--cpu-affinity: ${message}`);
  }
  const cpus = bound.length > 0 ? bound : allowed;
  return {
    numThreads: options.threads ?? numUsefulThreads(cpus, readFile),
    cpuAffinity: Int32Array.from(bound),
  };
}
