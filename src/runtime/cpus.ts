// Finds the CPUs that this process can use, the number of their cores and the container's CPU quota.
// Reads files that only Linux has.

import { availableParallelism } from "node:os";
import { orEmpty, type ReadFile, readText } from "./system.ts";

/** @returns CPUs in a list like "0-3,8", ascending; null for any other text */
export function parseCpuList(text: string): number[] | null {
  const cpus = new Set<number>();
  for (const part of text.trim().split(",")) {
    const range = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part.trim());
    if (range === null) return null;
    const first = Number(range[1]);
    const last = Number(range[2] ?? first);
    if (last < first) return null;
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}

/**
 * @returns CPUs that this process is allowed to run on, ascending; null if the system does not report them
 */
export function allowedCpus(readFile: ReadFile = readText): number[] | null {
  const status = orEmpty(readFile)("/proc/self/status");
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1];
  return list === undefined ? null : parseCpuList(list);
}

/**
 * Counts the threads that can compute at the same time without sharing a core, at least 1.
 * @param cpus CPUs that the threads run on; null = all
 */
export function numUsefulThreads(cpus: number[] | null, readFile: ReadFile = readText): number {
  const read = orEmpty(readFile);
  const numCores = cpus === null ? availableParallelism() : numPhysicalCores(cpus, read);
  return Math.max(1, Math.min(numCores, Math.floor(cpuQuota(read))));
}

/** Counts cores. CPUs that share a core list the same siblings; a CPU without a list counts as one core. */
function numPhysicalCores(cpus: readonly number[], read: ReadFile): number {
  const cores = cpus.map((cpu) => {
    const siblings = read(`/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`);
    return parseCpuList(siblings)?.[0] ?? cpu;
  });
  return new Set(cores).size;
}

/** @returns number of CPUs that the process's control groups allow it to use; infinite if there is no limit */
function cpuQuota(read: ReadFile): number {
  const quotas = read("/proc/self/cgroup")
    .split("\n")
    .flatMap((line) => {
      const [, controllers = "", ...path] = line.split(":");
      const folders = foldersUpwards(path.join(":"));
      if (controllers === "") return folders.map((folder) => quotaOfV2(read, folder));
      const hasCpu = controllers.split(",").includes("cpu");
      return hasCpu ? folders.map((folder) => quotaOfV1(read, folder)) : [];
    });
  return Math.min(Number.POSITIVE_INFINITY, ...quotas);
}

/**
 * "/a/b" -> "/a/b", "/a", "". In a container, the path can be the host's, and "" is then the container's own
 * group.
 */
function foldersUpwards(path: string): string[] {
  if (path === "" || path === "/") return [""];
  return [path, ...foldersUpwards(path.slice(0, path.lastIndexOf("/")))];
}

function quotaOfV2(read: ReadFile, folder: string): number {
  const [quotaUs, periodUs] = read(`/sys/fs/cgroup${folder}/cpu.max`).split(" ");
  return cpusOf(quotaUs, periodUs);
}

function quotaOfV1(read: ReadFile, folder: string): number {
  const microseconds = (name: string) => read(`/sys/fs/cgroup/cpu${folder}/cpu.cfs_${name}_us`);
  return cpusOf(microseconds("quota"), microseconds("period"));
}

/** Treats "max", -1 and unreadable values as no limit. */
function cpusOf(quotaUs = "", periodUs = ""): number {
  const cpus = Number.parseInt(quotaUs, 10) / Number.parseInt(periodUs, 10);
  return cpus > 0 ? cpus : Number.POSITIVE_INFINITY;
}
