// Runs all of a server's clients in one process, separate from the server. Streams each response, records the
// outcome and timing of each request, and prints the records at the end.

import { Ledger, type Outcome } from "../../test/support/ledger.ts";
import { type LagFigures, LoopLag } from "./loop-lag.ts";

export interface LoadPlan {
  readonly url: string;
  /**
   * Either the number of concurrent streams, each replaced when it ends, or the number of new streams per
   * second.
   */
  readonly arrivals: { readonly concurrency: number } | { readonly perSecond: number };
  /** Period during which requests start. Every response is read to the end. */
  readonly seconds: number;
  /** Minimum and maximum output length. */
  readonly tokens: readonly [number, number];
}

/** Times since the first request, in ms. */
export interface Entry {
  readonly outcome: Outcome;
  readonly startMs: number;
  readonly endMs: number;
}

export interface Books {
  readonly entries: readonly Entry[];
  readonly losses: readonly string[];
  readonly numTokens: number;
  /** Lag of the clients' own event loop, which limits how accurate their timings are. */
  readonly lag: LagFigures;
}

export const CLIENT_PROGRAM = [process.execPath, import.meta.path];

async function load({ url, arrivals, seconds, tokens: [least, most] }: LoadPlan): Promise<Books> {
  const ledger = new Ledger(url);
  const entries: Entry[] = [];
  const lag = new LoopLag();
  const beganMs = performance.now();
  const sinceMs = () => performance.now() - beganMs;
  let numStarted = 0;
  const request = async () => {
    const maxTokens = least + ((numStarted++ * 7919) % (most - least + 1));
    const startMs = sinceMs();
    const outcome = await ledger.run({ maxTokens, stream: true });
    entries.push({ outcome, startMs, endMs: sinceMs() });
  };
  if ("concurrency" in arrivals) {
    const client = async () => {
      while (sinceMs() < seconds * 1000) await request();
    };
    await Promise.all(Array.from({ length: arrivals.concurrency }, client));
  } else {
    const running: Promise<void>[] = [];
    for (; sinceMs() < seconds * 1000; await Bun.sleep(1)) {
      const numDue = Math.floor((sinceMs() / 1000) * arrivals.perSecond);
      while (running.length < numDue) running.push(request());
    }
    await Promise.all(running);
  }
  const { losses, numTokens } = ledger;
  return { entries, losses, numTokens, lag: lag.take() };
}

if (import.meta.main) {
  const plan = JSON.parse(process.argv[2] ?? "") as LoadPlan;
  await Bun.write(Bun.stdout, JSON.stringify(await load(plan)));
}
