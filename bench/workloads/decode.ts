// Decode: one stream (W1), many streams (W2), long contexts (W4), sampling (W12), and a busy neighbor (W14).
// Each stream uses the same prompt in every slice, so both servers have it cached after the first slice and
// only decode is timed.

import { allAtOnce, closedLoop, decodeRate, decodeTogether } from "../../src/benchmark/load.ts";
import type { RequestSpec, Target } from "../../src/benchmark/measured-request.ts";
import { promptIds } from "../../src/benchmark/prompts.ts";
import { medianOf } from "../../src/benchmark/statistics.ts";
import { tpotMs } from "../../src/benchmark/timeline.ts";
import { BATCH_CANDIDATES, BUSY_CANDIDATES, DECODE_CANDIDATES } from "../servers/llama-server.ts";
import { busyNeighbor } from "./busy-neighbor.ts";
import { roomFor, type Slice, type Workload } from "./workload.ts";

const SLICE_MS = 2_000;
const NUM_PAIRS = 9;
const RATE = { name: "decode tok/s", better: "higher" } as const;

interface Streams {
  readonly numStreams: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly fields?: Readonly<Record<string, unknown>>;
}

function specsOf({ numStreams, tokensIn, tokensOut, fields = {} }: Streams): RequestSpec[] {
  return Array.from({ length: numStreams }, (_, i) => ({
    prompt: promptIds(100 * tokensIn + i, tokensIn),
    maxTokens: tokensOut,
    fields,
  }));
}

async function decodeSlice(target: Target, streams: Streams): Promise<Slice> {
  const window = await decodeTogether(target, specsOf(streams), SLICE_MS);
  return { ...window, figure: decodeRate(window) };
}

type Rest = Pick<Workload, "id" | "title"> & Partial<Workload>;

export function decodeWorkload(streams: Streams, rest: Rest): Workload {
  const { numStreams, tokensIn, tokensOut } = streams;
  return {
    figure: RATE,
    room: roomFor(numStreams, tokensIn, tokensOut),
    numPairs: NUM_PAIRS,
    candidates: BATCH_CANDIDATES,
    warmUp: (target) => allAtOnce(target, specsOf({ ...streams, tokensOut: 4 })),
    slice: (target) => decodeSlice(target, streams),
    ...rest,
  };
}

/** Time limit for requests to a very slow server, in ms. */
const CUT_MS = 6_000;

/** Sends one request after another, each with a new prompt. The rate is derived from the median TPOT. */
async function oneStream(target: Target, seed: number): Promise<Slice> {
  const specOf = (i: number) => ({ prompt: promptIds(1000 * seed + i, 64), maxTokens: 256 });
  const load = await closedLoop(target, specOf, {
    ...{ concurrency: 1, untilMs: SLICE_MS, cutMs: CUT_MS },
  });
  const tpots = load.timelines.map(tpotMs).filter((ms) => ms !== null);
  return { ...load, figure: 1000 / medianOf(tpots) };
}

const W1: Workload = {
  id: "W1",
  title: "one stream, 64 in, 256 out",
  figure: RATE,
  room: roomFor(1, 64, 256),
  numPairs: NUM_PAIRS,
  candidates: DECODE_CANDIDATES,
  gates: { vnni: { gate: 2.5, stretch: 4 }, avx2: { gate: 1.5, stretch: 2.5 } },
  readsAllWeights: true,
  slice: oneStream,
};

const W2_GATES = {
  vnni: { gate: 5, stretch: 8 },
  avx2: { gate: 2.5, stretch: 4 },
};

const w2 = (numStreams: number): Workload =>
  decodeWorkload(
    { numStreams, tokensIn: 128, tokensOut: 128 },
    {
      id: numStreams === 16 ? "W2" : `W2:${numStreams}`,
      title: `${numStreams} streams decode, 128 in, 128 out`,
      ...(numStreams === 16 ? { gates: W2_GATES } : {}),
    },
  );

/** A closed loop with new prompts, so its figure includes prefill. */
export const W2_CLOSED: Workload = {
  id: "W2:closed",
  title: "closed loop of 16 requests, 128 in, 128 out, prefill included",
  figure: { name: "output tok/s", better: "higher" },
  room: roomFor(16, 128, 128),
  numPairs: 3,
  candidates: BATCH_CANDIDATES,
  slice: async (target, seed) => {
    const specOf = (i: number) => ({ prompt: promptIds(2000 * seed + i, 128), maxTokens: 128 });
    const load = await closedLoop(target, specOf, { concurrency: 16, maxRequests: 32 });
    const numTokens = load.timelines.reduce((sum, one) => sum + one.numOutputTokens, 0);
    return { ...load, figure: numTokens / load.durationS };
  },
};

const W4_GATES = {
  vnni: { gate: 3, stretch: 5 },
  avx2: { gate: 2.5, stretch: 4 },
};

const W4 = [
  decodeWorkload(
    { numStreams: 1, tokensIn: 4096, tokensOut: 128 },
    { id: "W4", title: "decode at a 4,096-token context", gates: W4_GATES },
  ),
  decodeWorkload(
    { numStreams: 4, tokensIn: 4096, tokensOut: 128 },
    { id: "W4:x4", title: "4 streams decode at 4,096-token contexts" },
  ),
  decodeWorkload(
    { numStreams: 1, tokensIn: 8000, tokensOut: 128 },
    { id: "W4:8000", title: "decode at an 8,000-token context" },
  ),
];

const SAMPLED = { temperature: 1, top_p: 0.95, top_k: 0, min_p: 0, seed: 1 };
const W12_STREAMS = { numStreams: 16, tokensIn: 128, tokensOut: 128 };

const W12 = [
  decodeWorkload(
    { ...W12_STREAMS, fields: SAMPLED },
    {
      id: "W12",
      title: "16 streams decode, temperature 1, top-p 0.95",
      gates: { vnni: { gate: 4, stretch: 10 }, avx2: { gate: 2.5, stretch: 5 } },
    },
  ),
  decodeWorkload(
    { ...W12_STREAMS, fields: { ...SAMPLED, logprobs: 5 } },
    { id: "W12:logprobs", title: "like W12, with 5 logprobs per token" },
  ),
];

const W14 = decodeWorkload(
  { numStreams: 8, tokensIn: 128, tokensOut: 128 },
  {
    id: "W14",
    title: "8 streams decode alongside one busy process",
    candidates: BUSY_CANDIDATES,
    gates: { vnni: { gate: 3 }, avx2: { gate: 2 } },
    neighbor: busyNeighbor,
  },
);

export const DECODE_WORKLOADS: readonly Workload[] = [
  W1,
  ...[16, 4, 8, 32].map(w2),
  W2_CLOSED,
  ...W4,
  ...W12,
  W14,
];
