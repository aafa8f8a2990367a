// Detects other load on the machine during a slice: CPU time used by anything but the servers, the client, and
// the workload's helpers.

import { cpuSecondsOf, machineCpu } from "../servers/proc.ts";

/** Above these shares of the machine's CPU time, a slice counts as disturbed. */
export const MAX_OTHERS = 0.05;
export const MAX_STEAL = 0.01;

/** CPU seconds since an arbitrary point in time. */
export interface CpuReading {
  readonly busyS: number;
  readonly stealS: number;
  /** CPU time of this process, which is the client. */
  readonly clientS: number;
  /** CPU time of the client, the servers, and the helpers. */
  readonly ownS: number;
  /** Wall clock time multiplied by the number of CPUs. */
  readonly capacityS: number;
}

export interface Disturbance {
  /** Shares of the machine's CPU time, 0..1; null if the system does not report it. */
  readonly others: number | null;
  readonly steal: number | null;
  readonly client: number;
}

/** @param pids the measured processes other than this one */
export function readCpu(pids: readonly number[]): CpuReading {
  const { user, system } = process.cpuUsage();
  const clientS = (user + system) / 1e6;
  const machine = machineCpu() ?? { busyS: Number.NaN, stealS: Number.NaN };
  const ownS = pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), clientS);
  const capacityS = (performance.now() / 1000) * navigator.hardwareConcurrency;
  return { ...machine, clientS, ownS, capacityS };
}

export function disturbanceBetween(before: CpuReading, after: CpuReading): Disturbance {
  const capacityS = after.capacityS - before.capacityS;
  const shareOf = (seconds: number) =>
    Number.isNaN(seconds) ? null : Math.max(0, seconds / capacityS);
  const ownS = after.ownS - before.ownS;
  return {
    others: shareOf(after.busyS - before.busyS - ownS),
    steal: shareOf(after.stealS - before.stealS),
    client: (after.clientS - before.clientS) / capacityS,
  };
}

export const isDisturbed = ({ others, steal }: Disturbance): boolean =>
  (others ?? 0) > MAX_OTHERS || (steal ?? 0) > MAX_STEAL;
