// Loads a server from a separate process and compares the server's counts with the clients'.

import type { Outcome } from "../../test/support/ledger.ts";
import { change, readMetrics, type Series, untilIdle } from "../../test/support/server-process.ts";
import { BenchError } from "../bench-error.ts";
import { countChild, report } from "../measure.ts";
import { type Books, CLIENT_PROGRAM, type LoadPlan } from "./client-program.ts";

/** Unless configured otherwise at startup, Bun's fetch keeps at most 256 requests in flight. */
const CLIENT_ENV = { BUN_CONFIG_MAX_HTTP_REQUESTS: "10000" };

const TOKENS = "vllm:generation_tokens_total{}";
const LENGTH = 'vllm:request_success_total{finished_reason="length"}';
const REFUSED = 'http_requests_total{handler="/v1/completions",method="POST",status="5xx"}';

export interface LoadResult extends Books {
  /** Descriptions of lost requests and mismatched counts; empty if there were none. */
  readonly faults: readonly string[];
}

export async function loadServer(plan: LoadPlan): Promise<LoadResult> {
  const before = await readMetrics(plan.url);
  const books = await runClients(plan);
  const after = await untilIdle(plan.url);
  return { ...books, faults: [...books.losses, ...disagreements(books, before, after)] };
}

/** @throws BenchError when the clients end without reporting their counts */
async function runClients(plan: LoadPlan): Promise<Books> {
  const child = Bun.spawn([...CLIENT_PROGRAM, JSON.stringify(plan)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...CLIENT_ENV },
  });
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new BenchError("the clients exited early");
  countChild(Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6);
  return JSON.parse(text) as Books;
}

export function countOf({ entries }: Books, outcome: Outcome): number {
  return entries.filter((entry) => entry.outcome === outcome).length;
}

/** @throws BenchError when counts differ, since the figures are then not comparable */
export function reportFaults(...loads: readonly LoadResult[]): void {
  const faults = loads.flatMap((books) => books.faults);
  report("counts that differ", faults.join("; ") || "none", "none");
  if (faults.length > 0) throw new BenchError("client and server counts differ");
}

/** Counts a missing series as 0, since a series does not exist before its first event. */
const growth = (before: Series, after: Series, name: string) =>
  change(new Map([[name, 0], ...before]), new Map([[name, 0], ...after]), name);

function disagreements(books: Books, before: Series, after: Series): string[] {
  const pairs = [
    ["tokens", books.numTokens, growth(before, after, TOKENS)],
    ["finished", countOf(books, "finished"), growth(before, after, LENGTH)],
    ["refused", countOf(books, "refused"), growth(before, after, REFUSED)],
  ] as const;
  return pairs
    .filter(([, byClients, byServer]) => byClients !== byServer)
    .map(([what, byClients, byServer]) => {
      return `${what}: ${byClients} counted by the clients, ${byServer} by the server`;
    });
}
