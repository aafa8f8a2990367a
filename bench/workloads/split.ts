// Measures the cost of running the engine in its own process (W17) by comparing Pagoda with Pagoda
// --in-process. If a pass takes only a few milliseconds, every message between the processes matters.

import { closedLoop } from "../../src/benchmark/load.ts";
import { promptText } from "../../src/benchmark/prompts.ts";
import { medianOf } from "../../src/benchmark/statistics.ts";
import { ttftMs } from "../../src/benchmark/timeline.ts";
import { decodeWorkload, W2_CLOSED } from "./decode.ts";
import { roomFor, type Workload } from "./workload.ts";

const AGAINST_ITSELF = { candidates: [], ourPeerFlags: ["--in-process"] } as const;
const MOST = { gate: 0.97 };

const W17 = decodeWorkload(
  { numStreams: 16, tokensIn: 128, tokensOut: 128 },
  {
    id: "W17",
    title: "16 streams decode, engine in a child process vs. in-process",
    ...{ ...AGAINST_ITSELF, gates: { vnni: MOST, avx2: MOST } },
  },
);

const W17_CLOSED: Workload = {
  ...{ ...W2_CLOSED, ...AGAINST_ITSELF, id: "W17:closed" },
  title: "closed loop of 16 requests, engine in a child process vs. in-process",
};

/** Sends text, so that the engine has to tokenize it first. */
const W17_TTFT: Workload = {
  id: "W17:ttft",
  title: "one short prompt after another, engine in a child process vs. in-process",
  figure: { name: "TTFT ms", better: "lower" },
  room: roomFor(1, 32, 1),
  numPairs: 9,
  ...AGAINST_ITSELF,
  slice: async (target, seed) => {
    const specOf = (i: number) => ({ prompt: promptText(10_000 * seed + i, 8), maxTokens: 1 });
    const load = await closedLoop(target, specOf, { concurrency: 1, untilMs: 1_500 });
    return { ...load, figure: medianOf(load.timelines.map(ttftMs).filter((ms) => ms !== null)) };
  },
};

export const SPLIT_WORKLOADS: readonly Workload[] = [W17, W17_CLOSED, W17_TTFT];
