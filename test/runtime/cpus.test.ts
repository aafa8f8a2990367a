// Thread counts from cores, affinity, and quota, on machines described by tables of files.

import { describe, expect, test } from "bun:test";
import { allowedCpus, numUsefulThreads, parseCpuList } from "../../src/runtime/cpus.ts";

type Files = Readonly<Record<string, string>>;

const reader = (files: Files) => (path: string) => {
  const text = files[path];
  if (text === undefined) throw new Error(`no such file ${path}`);
  return text;
};

const status = (list: string) => ({
  "/proc/self/status": `Name:\tbun\nCpus_allowed:\tff\nCpus_allowed_list:\t${list}\nMems_allowed:\t1\n`,
});

/** Topology in which CPUs i and i + numCores are threads of one core. */
function hyperThreads(numCores: number): Files {
  const cpus = Array.from({ length: 2 * numCores }, (_, cpu) => cpu);
  return Object.fromEntries(
    cpus.map((cpu) => {
      const siblings = `${cpu % numCores},${(cpu % numCores) + numCores}\n`;
      return [`/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`, siblings];
    }),
  );
}

function threadsOf(files: Files): number {
  const read = reader(files);
  return numUsefulThreads(allowedCpus(read), read);
}

describe("parseCpuList", () => {
  test.each([
    ["0", [0]],
    ["0-3,8", [0, 1, 2, 3, 8]],
    ["8,0-1\n", [0, 1, 8]],
    ["2, 1, 2", [1, 2]],
    ["", null],
    ["3-1", null],
    ["0-", null],
    ["-1", null],
    ["0,,1", null],
    ["all", null],
    ["1.5", null],
    ["99999", null],
  ])("%p is %p", (text, cpus) => {
    expect(parseCpuList(text)).toEqual(cpus);
  });
});

describe("numUsefulThreads", () => {
  test("is the number of CPUs if each is a separate core, or if the system does not report siblings", () => {
    expect(threadsOf(status("0-3"))).toBe(4);
  });

  test("counts a core's two threads once", () => {
    expect(threadsOf({ ...status("0-7"), ...hyperThreads(4) })).toBe(4);
    const adjacent = "/sys/devices/system/cpu/cpu0/topology/thread_siblings_list";
    expect(
      threadsOf({ ...status("0-1"), [adjacent]: "0-1", [adjacent.replace("0/", "1/")]: "0-1" }),
    ).toBe(1);
  });

  test("counts only CPUs in the affinity mask", () => {
    expect(threadsOf({ ...status("0-1,4-5"), ...hyperThreads(4) })).toBe(2);
    expect(threadsOf({ ...status("0,5"), ...hyperThreads(4) })).toBe(2);
    expect(threadsOf({ ...status("6"), ...hyperThreads(4) })).toBe(1);
  });

  test("counts only the given CPUs", () => {
    const read = reader({ ...status("0-7"), ...hyperThreads(4) });
    expect(numUsefulThreads([0, 1, 4, 5], read)).toBe(2);
  });

  test.each([
    ["max 100000\n", 8],
    ["150000 100000\n", 1],
    ["250000 100000\n", 2],
    ["50000 100000\n", 1],
    ["3200000 100000\n", 8],
    ["", 8],
    ["nonsense", 8],
    ["100000 0", 8],
  ])("is at most the cgroup v2 quota, rounded down: %p", (quota, numThreads) => {
    const files = { ...status("0-7"), "/proc/self/cgroup": "0::/\n" };
    expect(threadsOf({ ...files, "/sys/fs/cgroup/cpu.max": quota })).toBe(numThreads);
  });

  test("uses the smallest quota among the group and its ancestors", () => {
    const files = {
      ...status("0-7"),
      "/proc/self/cgroup": "0::/system.slice/pagoda.service\n",
      "/sys/fs/cgroup/system.slice/pagoda.service/cpu.max": "600000 100000\n",
      "/sys/fs/cgroup/system.slice/cpu.max": "max 100000\n",
    };
    expect(threadsOf(files)).toBe(6);
    expect(threadsOf({ ...files, "/sys/fs/cgroup/system.slice/cpu.max": "300000 100000\n" })).toBe(
      3,
    );
  });

  test.each([
    ["-1", 8],
    ["400000", 4],
    ["150000", 1],
  ])("is at most the cgroup v1 quota: %p", (quota, numThreads) => {
    const files = {
      ...status("0-7"),
      "/proc/self/cgroup": "4:memory:/docker/1\n3:cpuset:/docker/1\n2:cpu,cpuacct:/docker/1\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": `${quota}\n`,
      "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    };
    expect(threadsOf(files)).toBe(numThreads);
  });

  test("is the JavaScript runtime's count if the system does not report CPUs", () => {
    expect(allowedCpus(reader({}))).toBeNull();
    expect(threadsOf({})).toBe(navigator.hardwareConcurrency);
  });
});
