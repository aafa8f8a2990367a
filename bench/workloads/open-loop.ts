// W11, which runs only when named explicitly. Requests arrive on schedule, no matter how slow the
// server is, at --request-rate per second, with --burstiness (shape of the gamma distribution, 1 =
// Poisson), for --duration seconds.

import {
  measureRequest,
  type RequestSpec,
  type Target,
} from "../../src/benchmark/measured-request.ts";
import { gammaOfMeanOne, promptIds, randomOf } from "../../src/benchmark/prompts.ts";
import { type Goodput, servingResult } from "../../src/benchmark/serving-result.ts";
import type { RequestTimeline } from "../../src/benchmark/timeline.ts";
import { BATCH_CANDIDATES } from "../servers/llama-server.ts";
import type { Slice, Workload } from "./workload.ts";

export interface OpenLoopOptions {
  readonly rate: number;
  readonly burstiness: number;
  readonly duration: number;
  readonly goodput: Goodput | null;
}

const LENGTHS = { meanIn: 200, meanOut: 180, sigma: 0.8, max: 1024 } as const;
const DEFAULT_GOODPUT: Goodput = { ttft: 2000, tpot: 100 };

/** A log-normal length with the given mean, at least 4 and at most half of the longest context. */
function lengthOf(random: () => number, meanLength: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const { sigma, max } = LENGTHS;
  const length = meanLength * Math.exp(sigma * normal - sigma ** 2 / 2);
  return Math.min(max / 2, Math.max(4, Math.round(length)));
}

async function openLoop(target: Target, seed: number, options: OpenLoopOptions): Promise<Slice> {
  const random = randomOf(seed);
  const startMs = performance.now();
  const running: Promise<RequestTimeline>[] = [];
  let atMs = 0;
  for (let i = 0; ; i++) {
    atMs += (1000 / options.rate) * gammaOfMeanOne(random, options.burstiness);
    if (atMs > 1000 * options.duration) break;
    const spec: RequestSpec = {
      prompt: promptIds(150_000 + 10_000 * seed + i, lengthOf(random, LENGTHS.meanIn)),
      maxTokens: lengthOf(random, LENGTHS.meanOut),
    };
    await Bun.sleep(startMs + atMs - performance.now());
    running.push(measureRequest(target, spec));
  }
  const timelines = await Promise.all(running);
  const durationS = (performance.now() - startMs) / 1000;
  const result = servingResult(timelines, durationS, options.goodput ?? DEFAULT_GOODPUT);
  const notes = {
    "requests/s": result.request_throughput,
    "TTFT p99 ms": result.p99_ttft_ms,
    "TPOT p99 ms": result.p99_tpot_ms,
  };
  return { timelines, durationS, figure: result.request_goodput ?? 0, notes };
}

export const openLoopWorkload = (options: OpenLoopOptions): Workload => ({
  id: "W11",
  title: `open loop, ${options.rate} requests/s, burstiness ${options.burstiness}`,
  figure: { name: "good requests/s", better: "higher" },
  room: { concurrency: 16, maxTokens: LENGTHS.max },
  numPairs: 1,
  candidates: BATCH_CANDIDATES.slice(0, 2),
  slice: (target, seed) => openLoop(target, seed, options),
});
