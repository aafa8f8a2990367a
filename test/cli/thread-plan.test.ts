// Threads and their CPUs, from the options and the machine.

import { describe, expect, test } from "bun:test";
import { planThreads } from "../../src/cli/thread-plan.ts";

/** Four cores with one thread each; this process can use CPUs 0 to 2. */
function read(path: string): string {
  if (path === "/proc/self/status") return "Cpus_allowed_list:\t0-2\n";
  throw new Error(`no such file ${path}`);
}

function plan(threads: number | null, cpus: number[]) {
  const { numThreads, cpuAffinity } = planThreads({ threads, "cpu-affinity": cpus }, read);
  return [numThreads, [...cpuAffinity]];
}

describe("planThreads", () => {
  test("uses one thread for each core that the process can use, without binding", () => {
    expect(plan(null, [])).toEqual([3, []]);
  });

  test("uses one thread for each core with one of the given CPUs, bound to those CPUs", () => {
    expect(plan(null, [0, 2])).toEqual([2, [0, 2]]);
  });

  test("uses the requested number of threads", () => {
    expect(plan(8, [])).toEqual([8, []]);
    expect(plan(1, [0, 1])).toEqual([1, [0, 1]]);
  });

  test("reports a CPU that the process cannot use", () => {
    const message = "--cpu-affinity: this process cannot use CPU 3; it can use 0, 1, 2";
    expect(() => plan(null, [0, 3])).toThrow(message);
  });

  test("accepts any CPU if the system does not report which are usable", () => {
    const nothing = () => {
      throw new Error("no files");
    };
    const options = { threads: null, "cpu-affinity": [0, 7] };
    expect([...planThreads(options, nothing).cpuAffinity]).toEqual([0, 7]);
  });
});
