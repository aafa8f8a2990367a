// Workloads that reuse or share KV blocks: many prefixes (W6), conversations (W7), more requests than the
// pool holds (W10), and several samples for one prompt (W15).

import { closedLoop, type Load } from "../../src/benchmark/load.ts";
import {
  measureRequest,
  type RequestSpec,
  type Target,
} from "../../src/benchmark/measured-request.ts";
import { exponential, promptIds, promptText, randomOf } from "../../src/benchmark/prompts.ts";
import { medianOf, percentile } from "../../src/benchmark/statistics.ts";
import { type RequestTimeline, ttftMs } from "../../src/benchmark/timeline.ts";
import { BATCH_CANDIDATES } from "../servers/llama-server.ts";
import { roomFor, type Slice, type Workload } from "./workload.ts";

const OUTPUT_RATE = { name: "output tok/s", better: "higher" } as const;

const outputRate = ({ timelines, durationS }: Load) =>
  timelines.reduce((sum, one) => sum + one.numOutputTokens, 0) / durationS;

const PREFIXES = { count: 32, length: 512, suffix: 64, out: 32, concurrency: 8 } as const;

/** Uses every prefix equally often, in an order shuffled by the seed. */
async function prefixSlice(target: Target, seed: number, requests: number): Promise<Slice> {
  const random = randomOf(seed);
  const order = Array.from({ length: requests }, (_, i) => ({ i, key: random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ i }) => i);
  const specOf = (index: number): RequestSpec => {
    const request = order[index] ?? 0;
    const prefix = promptIds(110_000 + 100 * seed + (request % PREFIXES.count), PREFIXES.length);
    const suffix = promptIds(120_000 + 1000 * seed + request, PREFIXES.suffix);
    return { prompt: [...prefix, ...suffix], maxTokens: PREFIXES.out };
  };
  const { concurrency } = PREFIXES;
  const load = await closedLoop(target, specOf, { concurrency, maxRequests: requests });
  return { ...load, figure: outputRate(load) };
}

const prefixWorkload = (id: string, requests: number): Workload => ({
  id,
  title: `32 prefixes of 512 tokens, ${requests} requests in random order`,
  figure: OUTPUT_RATE,
  room: roomFor(PREFIXES.concurrency, PREFIXES.length + PREFIXES.suffix, PREFIXES.out),
  numPairs: 1,
  candidates: BATCH_CANDIDATES.slice(0, 2),
  slice: (target, seed) => prefixSlice(target, seed, requests),
});

const CHAT = { conversations: 16, turns: 6, wordsIn: 128, out: 64, thinkS: 0.5 } as const;

/** Resends the whole text with each turn, as chat clients do. */
async function converse(target: Target, seed: number): Promise<RequestTimeline[]> {
  const random = randomOf(seed);
  const timelines: RequestTimeline[] = [];
  let text = "";
  for (let turn = 0; turn < CHAT.turns; turn++) {
    text += ` ${promptText(10 * seed + turn, CHAT.wordsIn)}`;
    const timeline = await measureRequest(target, { prompt: text, maxTokens: CHAT.out });
    timelines.push(timeline);
    text += timeline.text;
    await Bun.sleep(1000 * exponential(random, CHAT.thinkS));
  }
  return timelines;
}

async function chatSlice(target: Target, seed: number): Promise<Slice> {
  const startMs = performance.now();
  const conversations = Array.from({ length: CHAT.conversations }, (_, i) =>
    converse(target, 1000 * seed + i),
  );
  const timelines = (await Promise.all(conversations)).flat();
  const ttfts = timelines.map(ttftMs).filter((ms) => ms !== null);
  const notes = { "TTFT p99 ms": percentile(ttfts, 99) };
  const durationS = (performance.now() - startMs) / 1000;
  return { timelines, durationS, figure: medianOf(ttfts), notes };
}

/** Larger than the sum of the turns, since an answer can turn into more tokens when it is tokenized again. */
const CHAT_ROOM = { concurrency: CHAT.conversations, maxTokens: CHAT.turns * 256 };

const W7: Workload = {
  id: "W7",
  title: "16 conversations of 6 turns, 128 in and 64 out per turn",
  figure: { name: "TTFT p50 ms", better: "lower" },
  room: CHAT_ROOM,
  numPairs: 1,
  candidates: BATCH_CANDIDATES.slice(0, 2),
  slice: chatSlice,
};

const OVERCOMMIT = { tokensIn: 256, tokensOut: 512, poolBlocks: 4096 / 16 + 1 } as const;

/** The peer is Pagoda with a pool that holds all requests. Every answer must be complete. */
const overcommitWorkload = (id: string, requests: number): Workload => ({
  id,
  title: `${requests} requests of 256 + 512 tokens in a 4,096-token pool`,
  figure: OUTPUT_RATE,
  room: roomFor(requests, OVERCOMMIT.tokensIn, OVERCOMMIT.tokensOut),
  numPairs: 1,
  candidates: [],
  ownFlags: ["--num-gpu-blocks-override", String(OVERCOMMIT.poolBlocks)],
  ourPeerFlags: [],
  gates: { vnni: { gate: 0.7 }, avx2: { gate: 0.7 } },
  slice: async (target, seed) => {
    const specOf = (i: number) => ({
      prompt: promptIds(130_000 + 100 * seed + i, OVERCOMMIT.tokensIn),
      maxTokens: OVERCOMMIT.tokensOut,
    });
    const loop = { concurrency: requests, maxRequests: requests };
    const load = await closedLoop(target, specOf, loop);
    return { ...load, figure: outputRate(load) };
  },
});

const SAMPLES = { tokensIn: 512, tokensOut: 64, n: 8 } as const;

const W15: Workload = {
  id: "W15",
  title: "8 samples for one 512-token prompt, 64 out",
  figure: OUTPUT_RATE,
  room: roomFor(SAMPLES.n, SAMPLES.tokensIn, SAMPLES.tokensOut),
  numPairs: 9,
  candidates: BATCH_CANDIDATES,
  slice: async (target, seed) => {
    const specOf = (i: number): RequestSpec => ({
      prompt: promptIds(140_000 + 100 * seed + i, SAMPLES.tokensIn),
      maxTokens: SAMPLES.tokensOut,
      fields: { n: SAMPLES.n, temperature: 1, seed: 1 },
    });
    const load = await closedLoop(target, specOf, { concurrency: 1, untilMs: 1_000 });
    return { ...load, figure: outputRate(load) };
  },
};

export const REUSE_WORKLOADS: readonly Workload[] = [
  prefixWorkload("W6", 64),
  prefixWorkload("W6:256", 256),
  W7,
  overcommitWorkload("W10", 8),
  overcommitWorkload("W10:32", 32),
  W15,
];
