// Prefill of one prompt (W3, W4:prefill), of many prompts with a common prefix (W5), and of one prompt while
// streams decode (W8). All prompts are new to both servers.

import { allAtOnce, closedLoop } from "../../src/benchmark/load.ts";
import type { RequestSpec, Target } from "../../src/benchmark/measured-request.ts";
import { measureRequest } from "../../src/benchmark/measured-request.ts";
import { promptIds } from "../../src/benchmark/prompts.ts";
import { medianOf, percentile } from "../../src/benchmark/statistics.ts";
import { gapsOf, type RequestTimeline, ttftMs } from "../../src/benchmark/timeline.ts";
import { BATCH_CANDIDATES, GAP_CANDIDATES, PREFILL_CANDIDATES } from "../servers/llama-server.ts";
import { roomFor, type Slice, type Workload } from "./workload.ts";

const TTFT = { name: "TTFT ms", better: "lower" } as const;

const medianTtft = (timelines: readonly RequestTimeline[]) =>
  medianOf(timelines.map(ttftMs).filter((ms) => ms !== null));

function prefillWorkload(length: number, rest: Pick<Workload, "id"> & Partial<Workload>): Workload {
  const slice = async (target: Target, seed: number): Promise<Slice> => {
    const specOf = (i: number) => ({ prompt: promptIds(7000 * seed + i, length), maxTokens: 1 });
    const load = await closedLoop(target, specOf, { concurrency: 1, untilMs: 1_000 });
    return { ...load, figure: medianTtft(load.timelines) };
  };
  return {
    title: `prefill of ${length.toLocaleString("en")} tokens`,
    figure: TTFT,
    room: roomFor(1, length, 8),
    numPairs: 9,
    candidates: PREFILL_CANDIDATES,
    slice,
    ...rest,
  };
}

const W3_GATES = {
  vnni: { gate: 5, stretch: 9 },
  avx2: { gate: 2.5, stretch: 4 },
};

const SHARED = { prefix: 1024, own: 32, out: 32, requests: 16 } as const;

function sharedSpecs(prefixSeed: number, ownSeed: number): RequestSpec[] {
  const prefix = promptIds(prefixSeed, SHARED.prefix);
  return Array.from({ length: SHARED.requests }, (_, i) => ({
    prompt: [...prefix, ...promptIds(ownSeed + i, SHARED.own)],
    maxTokens: SHARED.out,
  }));
}

/** @param isWarm true = first send one untimed request with the prefix */
async function sharedSlice(target: Target, seed: number, isWarm: boolean): Promise<Slice> {
  const specs = sharedSpecs(50_000 + seed, 60_000 + 100 * seed);
  if (isWarm) await allAtOnce(target, sharedSpecs(50_000 + seed, 90_000 + seed).slice(0, 1));
  const load = await allAtOnce(target, specs);
  return { ...load, figure: medianTtft(load.timelines) };
}

const sharedWorkload = (isWarm: boolean): Workload => ({
  id: isWarm ? "W5:warm" : "W5",
  title: `16 requests sharing 1,024 tokens, ${isWarm ? "warm" : "cold"}`,
  figure: { name: "TTFT p50 ms", better: "lower" },
  room: roomFor(SHARED.requests, SHARED.prefix + SHARED.own, SHARED.out),
  numPairs: 2,
  // A slice on the peer takes a minute, so there is only time for two configurations.
  candidates: BATCH_CANDIDATES.slice(0, 2),
  slice: (target, seed) => sharedSlice(target, seed, isWarm),
  ...(isWarm
    ? {}
    : { gates: { vnni: { gate: 10, stretch: 25 }, avx2: { gate: 10, stretch: 20 } } }),
});

const MIXED = { streams: 8, tokensIn: 64, tokensOut: 512, long: 4000, before: 1_000 } as const;

/** Eight streams decode continuously while a long prompt arrives. Gaps that overlap the prompt count. */
async function gapSlice(target: Target, seed: number): Promise<Slice> {
  const { streams, tokensIn, tokensOut } = MIXED;
  let isOver = false;
  const untilStopped = async (stream: number, seen: RequestTimeline[], stop: AbortSignal) => {
    for (let i = 0; !isOver; i++) {
      const prompt = promptIds(30_000 + 100 * seed + 10 * i + stream, tokensIn);
      seen.push(await measureRequest(target, { prompt, maxTokens: tokensOut }, { signal: stop }));
    }
  };
  const beganMs = performance.now();
  const stop = new AbortController();
  const decoded: RequestTimeline[] = [];
  const running = Array.from({ length: streams }, (_, i) => untilStopped(i, decoded, stop.signal));
  await Bun.sleep(MIXED.before);
  const long = await measureRequest(target, {
    prompt: promptIds(40_000 + seed, MIXED.long),
    maxTokens: 1,
  });
  isOver = true;
  stop.abort();
  await Promise.all(running);
  await Bun.sleep(200);
  const durationS = (performance.now() - beganMs) / 1000;
  return { timelines: [...decoded, long], durationS, ...gapFigures(decoded, long) };
}

function gapFigures(decoded: readonly RequestTimeline[], long: RequestTimeline) {
  const endMs = long.events.at(-1)?.atMs ?? Number.POSITIVE_INFINITY;
  const gaps = decoded
    .flatMap(gapsOf)
    .filter((gap) => gap.endMs > long.startMs && gap.startMs < endMs)
    .map((gap) => gap.endMs - gap.startMs);
  const notes = { "longest gap ms": Math.max(0, ...gaps), "TTFT ms": ttftMs(long) ?? 0 };
  return { figure: percentile(gaps, 99), notes };
}

const W8: Workload = {
  id: "W8",
  title: "8 streams decode while a 4,000-token prompt arrives",
  figure: { name: "p99 gap ms", better: "lower" },
  room: { concurrency: MIXED.streams + 1, maxTokens: MIXED.long + 8 },
  numPairs: 2,
  candidates: GAP_CANDIDATES,
  gates: { vnni: { gate: 4, stretch: 8 }, avx2: { gate: 4, stretch: 8 } },
  slice: gapSlice,
};

export const PREFILL_WORKLOADS: readonly Workload[] = [
  prefillWorkload(512, { id: "W3:512", gates: W3_GATES }),
  prefillWorkload(2048, { id: "W3:2048", gates: W3_GATES }),
  prefillWorkload(4096, { id: "W4:prefill", numPairs: 2 }),
  sharedWorkload(false),
  sharedWorkload(true),
  W8,
];
