// Verdict on a comparison: whether the figure passes the gate for the CPU type.

import { medianOf } from "../../src/benchmark/statistics.ts";
import type { WorkloadRun } from "../compare/workload-run.ts";
import type { CpuKind } from "../probe/cpu.ts";
import type { Gate, Workload } from "../workloads/workload.ts";

export type Verdict = "stretch" | "reached" | "missed" | "disturbed" | "no gate" | "no peer";

export function gateOf({ gates }: Workload, kind: CpuKind): Gate | null {
  return gates === undefined ? null : gates[kind];
}

/**
 * Uses the median ratio or, if the workload limits Pagoda's own figure, the median of that figure. A comparison that
 * gave up is inconclusive.
 */
export function verdictOf({ workload, ours, peer }: WorkloadRun, kind: CpuKind): Verdict {
  if (workload.floor !== undefined) {
    const own = medianOf(ours.observed.map(({ figure }) => figure));
    const isHigher = workload.figure.better === "higher";
    return (isHigher ? own >= workload.floor : own <= workload.floor) ? "reached" : "missed";
  }
  if (peer === null) return "no peer";
  const gate = gateOf(workload, kind);
  if (peer.comparison.gaveUp) return "disturbed";
  if (gate === null) return "no gate";
  const { median } = peer.comparison.ratio;
  if (gate.stretch !== undefined && median >= gate.stretch) return "stretch";
  return median >= gate.gate ? "reached" : "missed";
}
