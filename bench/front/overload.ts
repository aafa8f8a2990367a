// Sends three times as many requests as a server can handle. The server must keep finishing requests at its
// peak rate and refuse the rest immediately. Runs against a stub engine first, to measure the front end, and
// then against the real model.

import { percentile } from "../../src/benchmark/statistics.ts";
import type { Outcome } from "../../test/support/ledger.ts";
import { MODEL_PATH } from "../engine.ts";
import { report } from "../measure.ts";
import { startPagoda } from "../servers/pagoda.ts";
import type { Books, Entry } from "./client-program.ts";
import { FrontProcess } from "./front-process.ts";
import { countOf, type LoadResult, loadServer, reportFaults } from "./load.ts";

const FACTOR = 3;
const [PEAK_S, OVERLOAD_S] = [10, 30];
/** Initial period of a load, which does not count toward its rate. */
const RAMP_S = 2;
const TOKENS: readonly [number, number] = [32, 32];
const MAX_QUEUED = 256;
const LIMITS = ["--max-num-queued-reqs", String(MAX_QUEUED)];

/** Number of sequences in a step. Twice as many are in flight, so that no slot is ever idle. */
const NUM_SEQS = 64;
const CLOSED = { concurrency: 2 * NUM_SEQS };

/** Number of requests that finished per second after the ramp-up. */
function goodput({ entries }: Books, seconds: number): number {
  const [fromMs, toMs] = [RAMP_S * 1000, seconds * 1000];
  const isInside = ({ endMs }: Entry) => endMs >= fromMs && endMs < toMs;
  const inside = entries.filter((entry) => entry.outcome === "finished" && isInside(entry));
  return inside.length / (seconds - RAMP_S);
}

function timesMs({ entries }: Books, outcome: Outcome): number[] {
  const some = entries.filter((entry) => entry.outcome === outcome);
  return some.map(({ startMs, endMs }) => endMs - startMs);
}

async function overloadOf(url: string): Promise<void> {
  const plan = { url, tokens: TOKENS };
  const calm = await loadServer({ ...plan, arrivals: CLOSED, seconds: PEAK_S });
  const peak = goodput(calm, PEAK_S);
  const arrivals = { perSecond: FACTOR * peak };
  const books = await loadServer({ ...plan, arrivals, seconds: OVERLOAD_S });
  report("peak requests per second", peak.toFixed(1));
  const good = goodput(books, OVERLOAD_S);
  report(
    `fraction of peak throughput sustained at ${FACTOR}x load`,
    (good / peak).toFixed(3),
    ">= 0.9",
  );
  reportTimes("time to refusal, ms: median / p99", timesMs(books, "refused"), "p99 < 100");
  reportTimes("time to finish, ms: median / p99", timesMs(books, "finished"));
  report("client event-loop lag, ms: p99", books.lag.p99.toFixed(1));
  reportBooks(calm, books);
}

function reportTimes(name: string, values: readonly number[], target = ""): void {
  const figures = [50, 99].map((p) => percentile(values, p).toFixed(1));
  report(name, figures.join(" / "), target);
}

function reportBooks(...loads: readonly LoadResult[]): void {
  const total = (outcome: Outcome) =>
    loads.reduce((sum, books) => sum + countOf(books, outcome), 0);
  const counts = (["finished", "refused", "failed"] as const).map(total);
  report("finished / refused / failed", counts.join(" / "));
  reportFaults(...loads);
}

export async function overload(): Promise<void> {
  console.log(" against a stub engine");
  const front = await FrontProcess.start({ stepMs: 10, maxNumSeqs: NUM_SEQS }, LIMITS);
  await front.figures();
  await overloadOf(front.url);
  const { lag } = await front.figures();
  await front.stop();
  report("front-end event-loop lag, ms: p99", lag.p99.toFixed(1), "< 50");
  console.log(" against the default model");
  const flags = [...LIMITS, "--max-num-seqs", String(NUM_SEQS)];
  const server = await startPagoda({ path: MODEL_PATH, cpu: null }, flags);
  await overloadOf(server.url);
  await server.stop();
}
