// The six process_* families that Python's client prints, from numbers that the caller measures.

import type { MetricType } from "./catalogue.ts";
import type { FamilySnapshot } from "./registry.ts";

export interface ProcessStats {
  readonly virtualMemoryBytes: number;
  readonly residentMemoryBytes: number;
  /** Unix seconds. */
  readonly startTimeS: number;
  readonly cpuSeconds: number;
  readonly openFds: number;
  readonly maxFds: number;
}

const FAMILIES: readonly [string, MetricType, string, keyof ProcessStats][] = [
  ["process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", "virtualMemoryBytes"],
  [
    "process_resident_memory_bytes",
    "gauge",
    "Resident memory size in bytes.",
    "residentMemoryBytes",
  ],
  [
    "process_start_time_seconds",
    "gauge",
    "Start time of the process since unix epoch in seconds.",
    "startTimeS",
  ],
  [
    "process_cpu_seconds_total",
    "counter",
    "Total user and system CPU time spent in seconds.",
    "cpuSeconds",
  ],
  ["process_open_fds", "gauge", "Number of open file descriptors.", "openFds"],
  ["process_max_fds", "gauge", "Maximum number of open file descriptors.", "maxFds"],
];

export function processFamilies(stats: ProcessStats): FamilySnapshot[] {
  return FAMILIES.map(([name, type, help, key]) => ({
    name,
    type,
    help,
    createdS: null,
    samples: [{ labels: {}, value: stats[key] }],
    histograms: [],
  }));
}
