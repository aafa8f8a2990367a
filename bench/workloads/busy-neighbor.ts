// A process that fully uses one CPU, pinned to the first CPU if the system has taskset.

import { startChild } from "../servers/child.ts";

export function busyNeighbor() {
  const loop = [process.execPath, "-e", "for (;;) {}"];
  const pinned = Bun.which("taskset") === null ? loop : ["taskset", "-c", "0", ...loop];
  const child = startChild(pinned);
  return { pids: [child.pid], stop: child.stop };
}
