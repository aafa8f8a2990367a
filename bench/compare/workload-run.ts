// Runs one workload on Pagoda and a peer in pairs of slices, or on Pagoda alone in a few slices.

import { BenchError } from "../bench-error.ts";
import type { Limits } from "../probe/probe.ts";
import { checkAlive, type Server } from "../servers/server.ts";
import type { Slice, Workload } from "../workloads/workload.ts";
import { disturbanceBetween, readCpu } from "./disturbance.ts";
import { type Comparison, inQuads, type Observed, type Pair } from "./pairs.ts";

/** Observations of one server. */
export interface Side {
  readonly name: string;
  readonly model: string;
  readonly flags: string | null;
  readonly observed: readonly Observed<Slice>[];
}

export interface WorkloadRun {
  readonly workload: Workload;
  readonly ours: Side;
  /** The machine's limits, measured just before the run; null if there is no C compiler. */
  readonly limits: Limits | null;
  /** Observations of the peer; null if Pagoda was measured without one. */
  readonly peer: (Side & { readonly comparison: Comparison<Slice> }) | null;
}

export interface RunOptions {
  readonly limits: Limits | null;
  readonly seed: number;
  /** Number of pairs; null = the workload's default. */
  readonly pairs: number | null;
  /** Number of slices in a run without a peer. */
  readonly slices: number;
  readonly onPair?: (pair: Pair<Slice>, numCounted: number) => void;
}

/** Number of seeds reserved for one run of the bench. */
const SEEDS_PER_RUN = 1000;
/** Prompt seed for trying out peer candidates. */
export const TRIAL_SEED = SEEDS_PER_RUN - 1;

/** @throws ServerDeath when the server crashes during its first requests */
export async function warmUp(workload: Workload, server: Server): Promise<void> {
  await workload.warmUp?.(server);
  if (server.death() !== null) await checkAlive(server);
}

/** Loads one server for one slice. @throws ServerDeath; BenchError when no request succeeds */
export async function observe(
  workload: Workload,
  server: Server,
  seed: number,
  pids: readonly number[],
): Promise<Observed<Slice>> {
  const before = readCpu(pids);
  const slice = await workload.slice(server, seed);
  const disturbance = disturbanceBetween(before, readCpu(pids));
  const error = slice.timelines.find((timeline) => timeline.error !== null)?.error;
  const isUseless = slice.timelines.every(({ events }) => events.length === 0);
  if (isUseless || (error !== undefined && workload.toleratesErrors !== true)) {
    await checkAlive(server);
    throw new BenchError(`${workload.id}: ${server.name} failed: ${error ?? "no tokens received"}`);
  }
  return { figure: slice.figure, slice, disturbance };
}

const sideOf = (server: Server, observed: readonly Observed<Slice>[]): Side => ({
  ...{ name: server.name, model: server.model, flags: server.flags, observed },
});

/** Measures Pagoda without a peer, after a warm-up. */
export async function runAlone(
  workload: Workload,
  ours: Server,
  options: RunOptions,
): Promise<WorkloadRun> {
  const neighbor = workload.neighbor?.();
  try {
    await warmUp(workload, ours);
    const pids = pidsOf([ours], neighbor?.pids);
    const observed: Observed<Slice>[] = [];
    const numSlices = Math.max(1, Math.min(options.slices, workload.numPairs));
    for (let i = 0; i < numSlices; i++) {
      observed.push(await observe(workload, ours, seedOf(options, i), pids));
    }
    const { limits } = options;
    return { workload, limits, ours: sideOf(ours, observed), peer: null };
  } finally {
    await neighbor?.stop();
  }
}

/** Measures two servers in pairs. Both stay up and warm, but only one is loaded at a time. */
export async function runPairs(
  workload: Workload,
  ours: Server,
  peer: Server,
  options: RunOptions,
): Promise<WorkloadRun> {
  const neighbor = workload.neighbor?.();
  try {
    for (const server of [ours, peer]) await warmUp(workload, server);
    const pids = pidsOf([ours, peer], neighbor?.pids);
    const comparison = await inQuads<Slice>({
      // Slices 2i and 2i + 1 are a pair, so they get the same prompts.
      observe: (side, slice) => {
        const seed = seedOf(options, Math.floor(slice / 2));
        return observe(workload, side === "a" ? ours : peer, seed, pids);
      },
      numPairs: options.pairs ?? workload.numPairs,
      better: workload.figure.better,
      ...(options.onPair === undefined ? {} : { onPair: options.onPair }),
    });
    const seen = (side: "a" | "b") => comparison.pairs.map((pair) => pair[side]);
    const peerSide = { ...sideOf(peer, seen("b")), comparison };
    const { limits } = options;
    return { workload, limits, ours: sideOf(ours, seen("a")), peer: peerSide };
  } finally {
    await neighbor?.stop();
  }
}

const seedOf = ({ seed }: RunOptions, i: number) => SEEDS_PER_RUN * seed + i;

function pidsOf(servers: readonly Server[], helpers: readonly number[] = []): number[] {
  return [...servers.map(({ pid }) => pid).filter((pid) => pid !== null), ...helpers];
}
