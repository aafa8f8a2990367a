// Finds the best llama-server configuration for a workload: each candidate runs under load for one slice, and the
// winner keeps running for the comparison.

import { BenchError, ServerDeath } from "../bench-error.ts";
import { type Candidate, candidateName } from "../servers/llama-server.ts";
import type { Server } from "../servers/server.ts";
import type { Workload } from "../workloads/workload.ts";
import { observe, TRIAL_SEED, warmUp } from "./workload-run.ts";

export interface Trial {
  readonly name: string;
  /** Result of the trial slice; null if the candidate did not start or refused requests. */
  readonly figure: number | null;
}

export interface BestPeer {
  readonly server: Server;
  /** All candidates, in the order they were tried. */
  readonly trials: readonly Trial[];
}

/** Options for trying a workload's candidates. */
export interface Trials {
  readonly candidates: readonly Candidate[];
  readonly start: (candidate: Candidate) => Promise<Server>;
  readonly onTrial?: (trial: Trial) => void;
}

interface Tried {
  readonly server: Server;
  readonly figure: number;
}

/** @throws ServerDeath when a candidate crashes, BenchError when none can run the workload */
export async function bestPeer(workload: Workload, options: Trials): Promise<BestPeer> {
  const { candidates, start, onTrial = () => {} } = options;
  const trials: Trial[] = [];
  let best: Tried | null = null;
  try {
    for (const candidate of candidates) {
      const tried = await tryCandidate(workload, () => start(candidate));
      const trial = { name: candidateName(candidate), figure: tried?.figure ?? null };
      trials.push(trial);
      onTrial(trial);
      if (tried === null) continue;
      const isBetter = best === null || isFirstBetter(workload, tried.figure, best.figure);
      await (isBetter ? best : tried)?.server.stop();
      if (isBetter) best = tried;
    }
  } catch (error) {
    await best?.server.stop();
    throw error;
  }
  if (best === null)
    throw new BenchError(`${workload.id}: no llama-server configuration can run it`);
  return { server: best.server, trials };
}

const isFirstBetter = ({ figure }: Workload, a: number, b: number) =>
  figure.better === "higher" ? a > b : a < b;

async function tryCandidate(
  workload: Workload,
  start: () => Promise<Server>,
): Promise<Tried | null> {
  let server: Server | null = null;
  const neighbor = workload.neighbor?.();
  try {
    server = await start();
    await warmUp(workload, server);
    const { figure } = await observe(workload, server, TRIAL_SEED, []);
    return { server, figure };
  } catch (error) {
    await server?.stop();
    // Skips a candidate that does not start or refuses requests. A crash ends the bench.
    if (error instanceof BenchError && !(error instanceof ServerDeath)) return null;
    throw error;
  } finally {
    await neighbor?.stop();
  }
}
