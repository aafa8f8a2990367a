// Streams that decode while thousands of clients wait (W13). The figure is the streams' rate as a share of
// their rate without clients. The time that clients wait for response headers is also reported.

import { allAtOnce, decodeRate, decodeTogether } from "../../src/benchmark/load.ts";
import type { RequestSpec, Target } from "../../src/benchmark/measured-request.ts";
import { promptIds } from "../../src/benchmark/prompts.ts";
import { Connections, postRequest } from "../connections.ts";
import { BATCH_CANDIDATES } from "../servers/llama-server.ts";
import { roomFor, type Slice, type Workload } from "./workload.ts";

const NUM_STREAMS = 16;
const NUM_WAITING = 2000;
const [TOKENS_IN, TOKENS_OUT] = [128, 1024];
const DECODE_MS = 4_000;
/** Delay before the clients connect, and the time limit for waiting for response headers. */
const QUEUE_AT_MS = 500;

const specsOf = (maxTokens: number): RequestSpec[] =>
  Array.from({ length: NUM_STREAMS }, (_, i) => ({
    prompt: promptIds(7000 + i, TOKENS_IN),
    maxTokens,
  }));

/**
 * Measures the rate in the second half of the time when all streams decode, so that context lengths match.
 */
async function rateDuring(target: Target, addLoad: () => Promise<unknown>) {
  const streams = decodeTogether(target, specsOf(TOKENS_OUT), DECODE_MS);
  await Bun.sleep(QUEUE_AT_MS);
  await addLoad();
  const load = await streams;
  return { load, rate: decodeRate({ ...load, startMs: (load.startMs + load.endMs) / 2 }) };
}

async function queueSlice(target: Target): Promise<Slice> {
  const alone = await rateDuring(target, async () => {});
  const body = { model: target.model, prompt: [1000, 1001], max_tokens: 4, stream: true };
  const request = postRequest(new URL(target.url), "/v1/completions", body);
  let waiting: Connections | null = null;
  const withClients = await rateDuring(target, async () => {
    waiting = await Connections.open(target.url, NUM_WAITING, request);
    await waiting.answered(QUEUE_AT_MS);
  });
  const notes = {
    "tok/s alone": alone.rate,
    "tok/s with clients": withClients.rate,
    ...headsOf(waiting),
  };
  return { ...withClients.load, figure: withClients.rate / alone.rate, notes };
}

/** Closes the waiting connections and reports their response headers. */
function headsOf(waiting: Connections | null): Record<string, number> {
  if (waiting === null) return {};
  waiting.close();
  const { numAccepted, firstByteMs } = waiting;
  const slowestMs = Math.max(0, ...Object.values(firstByteMs));
  return { "responses with status 200": numAccepted, "slowest headers ms": slowestMs };
}

export const QUEUE_WORKLOAD: Workload = {
  id: "W13",
  title: "16 streams decode while 2,000 clients wait",
  figure: { name: "share of the rate without clients", better: "higher" },
  room: roomFor(NUM_STREAMS, TOKENS_IN, TOKENS_OUT),
  numPairs: 1,
  candidates: BATCH_CANDIDATES.slice(0, 1),
  ownFlags: [
    ...["--max-num-seqs", String(NUM_STREAMS)],
    ...["--max-num-queued-reqs", String(NUM_STREAMS + NUM_WAITING)],
  ],
  warmUp: (target) => allAtOnce(target, specsOf(4)),
  slice: queueSlice,
};
