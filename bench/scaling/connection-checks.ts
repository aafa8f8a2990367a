// Idle connections: S11.

import { closedLoop } from "../../src/benchmark/load.ts";
import { promptIds } from "../../src/benchmark/prompts.ts";
import { medianOf } from "../../src/benchmark/statistics.ts";
import { tpotMs } from "../../src/benchmark/timeline.ts";
import { Connections, getRequest } from "../connections.ts";
import { MODEL_PATH } from "../engine.ts";
import { inPairs, report } from "../measure.ts";
import { startPagoda } from "../servers/pagoda.ts";
import { residentBytesOf } from "../servers/proc.ts";
import type { Server } from "../servers/server.ts";

const [FEW, MANY] = [10, 10_000];
const NUM_PAIRS = 9;
const NUM_REQUESTS = 5;
const ANSWER_MS = 10_000;

/** Median ms per token of one stream. */
async function stepMs(server: Server): Promise<number> {
  const specOf = (i: number) => ({ prompt: promptIds(i, 64), maxTokens: 128 });
  const options = { concurrency: 1, maxRequests: NUM_REQUESTS };
  const { timelines } = await closedLoop(server, specOf, options);
  return medianOf(timelines.map((timeline) => tpotMs(timeline) ?? Number.NaN));
}

async function withIdle(server: Server, count: number) {
  const request = getRequest(new URL(server.url), "/health");
  const idle = await Connections.open(server.url, count, request);
  await idle.answered(ANSWER_MS);
  const ms = await stepMs(server);
  const bytes = residentBytesOf(server.pid ?? 0);
  const numOpen = idle.numAnswered - idle.numClosed;
  idle.close();
  return { ms, bytes, numOpen };
}

/** S11: the number of idle connections. */
export async function idleConnections(): Promise<void> {
  const server = await startPagoda({ path: MODEL_PATH, cpu: null });
  await stepMs(server);
  const pairs = await inPairs(
    NUM_PAIRS,
    () => withIdle(server, FEW),
    () => withIdle(server, MANY),
  );
  await server.stop();
  const numOpen = [0, 1].map((i) => Math.min(...pairs.map((pair) => pair[i]?.numOpen ?? 0)));
  report("connections open and idle", numOpen.join(" / "), `${FEW} / ${MANY}`);
  // Uses only the first pair, because the server does not release the memory afterwards.
  const [growth = 0] = pairs.map(([few, many]) => many.bytes - few.bytes);
  const kib = growth / 1024 / (MANY - FEW);
  report("resident memory per connection, KiB", kib.toFixed(1), "<= 20");
  const ms = [0, 1].map((i) => medianOf(pairs.map((pair) => pair[i]?.ms ?? Number.NaN)));
  report("ms per token of one stream", ms.map((one) => one.toFixed(2)).join(" / "));
  const ratio = medianOf(pairs.map(([few, many]) => many.ms / few.ms));
  report("growth in time per token", ratio.toFixed(3), "<= 1.03");
}
