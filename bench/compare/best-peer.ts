// The best configuration of llama-server for a workload: each candidate is loaded for one slice, the
// winner stays up for the comparison.

import { BenchError } from "../bench-error.ts";
import { type Candidate, candidateName, startLlamaServer } from "../servers/llama-server.ts";
import type { ServedModel, Server } from "../servers/server.ts";
import type { Workload } from "../workloads/workload.ts";
import { observe, TRIAL_SEED } from "./workload-run.ts";

export interface Trial {
  readonly name: string;
  /** Null when the candidate did not start or did not answer. */
  readonly figure: number | null;
}

export interface BestPeer {
  readonly server: Server;
  /** Of all candidates, in the order in which they were tried. */
  readonly trials: readonly Trial[];
}

/** @throws BenchError when none serves the workload */
export async function bestPeer(
  workload: Workload,
  model: ServedModel,
  quick: boolean,
  onTrial: (trial: Trial) => void = () => {},
): Promise<BestPeer> {
  const trials: Trial[] = [];
  let best: { server: Server; figure: number } | null = null;
  const candidates = quick ? workload.candidates.slice(0, 1) : workload.candidates;
  for (const candidate of candidates) {
    const tried = await tryCandidate(workload, model, candidate);
    const trial = { name: candidateName(candidate), figure: tried?.figure ?? null };
    trials.push(trial);
    onTrial(trial);
    if (tried === null) continue;
    const isBetter = best === null || isFirstBetter(workload, tried.figure, best.figure);
    await (isBetter ? best : tried)?.server.stop();
    if (isBetter) best = tried;
  }
  if (best === null) throw new BenchError(`${workload.id}: llama-server serves it in no way`);
  return { server: best.server, trials };
}

const isFirstBetter = ({ figure }: Workload, a: number, b: number) =>
  figure.better === "higher" ? a > b : a < b;

async function tryCandidate(workload: Workload, model: ServedModel, candidate: Candidate) {
  let server: Server | null = null;
  const neighbour = workload.neighbour?.();
  try {
    server = await startLlamaServer(model, workload.room, candidate);
    await workload.warmUp?.(server);
    const { figure } = await observe(workload, server, TRIAL_SEED, []);
    return { server, figure };
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    await server?.stop();
    return null;
  } finally {
    await neighbour?.stop();
  }
}
