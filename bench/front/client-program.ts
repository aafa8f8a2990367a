// The clients of a server, all in one process that is not the server's: each request is streamed, and its
// outcome and times are kept. Prints its books at the end.

import { Ledger, type Outcome } from "../../test/support/ledger.ts";
import { type LagFigures, LoopLag } from "./loop-lag.ts";

export interface LoadPlan {
  readonly url: string;
  /** So many streams at a time, a new one for each that ends; or so many a second that wait for nobody. */
  readonly arrivals: { readonly concurrency: number } | { readonly perSecond: number };
  /** In which requests begin; each is then read to its end. */
  readonly seconds: number;
  /** Least and most of an answer. */
  readonly tokens: readonly [number, number];
}

/** Times since the first request, ms. */
export interface Entry {
  readonly outcome: Outcome;
  readonly startMs: number;
  readonly endMs: number;
}

export interface Books {
  readonly entries: readonly Entry[];
  readonly losses: readonly string[];
  readonly numTokens: number;
  /** Of the clients' own event loop: their times are not better than that. */
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
