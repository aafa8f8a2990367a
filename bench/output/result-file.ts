// Contents of the --save-result file: for each workload, the keys that `vllm bench serve` writes and the
// results of the comparison. A single workload is written as an object, several as an array.

import {
  type Goodput,
  type ServingResult,
  servingResult,
} from "../../src/benchmark/serving-result.ts";
import type { Side, WorkloadRun } from "../compare/workload-run.ts";

/** Combines the results of all of a side's slices. */
export function sideResult({ observed }: Side, goodput: Goodput | null): ServingResult {
  const timelines = observed.flatMap(({ slice }) => slice.timelines);
  const durationS = observed.reduce((sum, { slice }) => sum + slice.durationS, 0);
  return servingResult(timelines, durationS, goodput);
}

export function resultObject(run: WorkloadRun, goodput: Goodput | null, date: string) {
  const { workload, ours, peer } = run;
  return {
    date,
    backend: ours.name,
    label: workload.id,
    model_id: ours.model,
    num_prompts: ours.observed.reduce((sum, { slice }) => sum + slice.timelines.length, 0),
    request_rate: "inf",
    max_concurrency: workload.room.concurrency,
    ...sideResult(ours, goodput),
    flags: ours.flags,
    limits: run.limits,
    figure: { ...workload.figure, values: ours.observed.map(({ figure }) => figure) },
    peer: peer === null ? null : peerObject(peer, goodput),
  };
}

function peerObject(peer: NonNullable<WorkloadRun["peer"]>, goodput: Goodput | null) {
  const { ratio, numCounted, pairs, gaveUp } = peer.comparison;
  return {
    backend: peer.name,
    flags: peer.flags,
    ...sideResult(peer, goodput),
    values: peer.observed.map(({ figure }) => figure),
    ratio: { ...ratio, values: pairs.map((pair) => pair.ratio) },
    pairs_counted: numCounted,
    pairs_discarded: pairs.map(({ discarded }) => discarded),
    gave_up: gaveUp,
  };
}

export async function saveResults(path: string, results: readonly unknown[]): Promise<void> {
  const content = results.length === 1 ? results[0] : results;
  await Bun.write(path, `${JSON.stringify(content, null, 1)}\n`);
}
