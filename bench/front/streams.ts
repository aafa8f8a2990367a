// Runs a thousand concurrent streams through one front end, which must neither lose events nor lag.

import { report } from "../measure.ts";
import { FrontProcess } from "./front-process.ts";
import { countOf, loadServer, reportFaults } from "./load.ts";

const NUM_STREAMS = 1000;
const SECONDS = 30;
/** Each stream gets ten tokens per second, which makes ten thousand events per second in total. */
const STEP_MS = 100;
const LIMITS = ["--max-num-queued-reqs", "2000", "--max-num-queued-tokens", "1m"];

export async function streams(seconds = SECONDS): Promise<void> {
  const front = await FrontProcess.start({ stepMs: STEP_MS, maxNumSeqs: NUM_STREAMS }, LIMITS);
  await front.figures();
  const { url } = front;
  const arrivals = { concurrency: NUM_STREAMS };
  const books = await loadServer({ url, arrivals, seconds, tokens: [50, 250] });
  const { lag, residentBytes } = await front.figures();
  await front.stop();
  const { numTokens, entries } = books;
  const lastMs = entries.reduce((last, { endMs }) => Math.max(last, endMs), 0);
  report("streams / finished", `${entries.length} / ${countOf(books, "finished")}`, "all");
  report("tokens received per second", ((1000 * numTokens) / lastMs).toFixed(0));
  report("front-end event-loop lag, ms: median", lag.p50.toFixed(1));
  report("  p99", lag.p99.toFixed(1), "< 50");
  report("  maximum", lag.max.toFixed(1));
  report("client event-loop lag, ms: p99", books.lag.p99.toFixed(1));
  report("front-end resident memory, MiB", (residentBytes / 2 ** 20).toFixed(0), "< 400");
  reportFaults(books);
}
