// The six process_* families that Python's client prints, read at each scrape.

import { type MetricFamily, type MetricType, onScrape, type ProcessStats } from "./family.ts";

function processFamily(
  name: string,
  type: MetricType,
  help: string,
  key: keyof ProcessStats,
  meaning: string,
): MetricFamily {
  return {
    name,
    type,
    help,
    common: [],
    since: "0.1",
    enabledBy: "always",
    meaning,
    source: onScrape(({ process }, sink) => {
      if (process !== null) sink.set(process[key]);
    }),
  };
}

export const PROCESS_FAMILIES: readonly MetricFamily[] = [
  processFamily(
    "process_virtual_memory_bytes",
    "gauge",
    "Virtual memory size in bytes.",
    "virtualMemoryBytes",
    "Address space of the server's process, much of which is never used.",
  ),
  {
    ...processFamily(
      "process_resident_memory_bytes",
      "gauge",
      "Resident memory size in bytes.",
      "residentMemoryBytes",
      "RAM used by the server's process. The engine is a separate process; with `--in-process`, its weights, KV cache and scratch memory are included.",
    ),
    alert: "Steady growth.",
  },
  {
    ...processFamily(
      "process_start_time_seconds",
      "gauge",
      "Start time of the process since unix epoch in seconds.",
      "startTimeS",
      "Unix time at which the process started; `time() - process_start_time_seconds` is its age.",
    ),
    alert: "Restarts: `changes(process_start_time_seconds[15m]) > 2`.",
  },
  processFamily(
    "process_cpu_seconds_total",
    "counter",
    "Total user and system CPU time spent in seconds.",
    "cpuSeconds",
    "CPU time of all threads; its rate is the number of cores in use.",
  ),
  {
    ...processFamily(
      "process_open_fds",
      "gauge",
      "Number of open file descriptors.",
      "openFds",
      "Open files and sockets: about one per client.",
    ),
    alert: "`process_open_fds / process_max_fds > 0.8`.",
  },
  processFamily(
    "process_max_fds",
    "gauge",
    "Maximum number of open file descriptors.",
    "maxFds",
    "Limit that `ulimit -n` sets for the process.",
  ),
];
