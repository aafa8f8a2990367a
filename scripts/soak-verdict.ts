// Evaluates a server after a soak test: finds counts that do not match and resources that have grown.

import { medianOf } from "../src/benchmark/statistics.ts";
import type { Outcome } from "../test/support/ledger.ts";
import type { Sample } from "./soak-samples.ts";

export interface SoakEnd {
  /** Number of requests with each outcome, as seen by the clients. */
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly numReceived: number;
  /** Number of tokens according to the server's metrics. */
  readonly numCounted: number;
  readonly numFaults: number;
  /** Maximum number of requests in progress when a fault occurs. */
  readonly numClients: number;
  readonly exitCode: number;
}

/** Maximum ratio between the last quarter and the first. Allocators settle, but leaks keep growing. */
const MAX_GROWTH = 1.25;

/** @returns one line for each fault; empty = the server passed */
export function soakFaults(end: SoakEnd, samples: readonly Sample[]): string[] {
  const { outcomes, numReceived, numCounted, numFaults, numClients, exitCode } = end;
  const maxFailed = numFaults * numClients;
  const blocks = samples.at(-1)?.blocks ?? null;
  const found: (string | false)[] = [
    outcomes.lost > 0 && `requests lost: ${outcomes.lost}`,
    outcomes.finished === 0 && "no request finished",
    outcomes.failed > maxFailed &&
      `${outcomes.failed} requests failed, but at most ${maxFailed} could`,
    numReceived !== numCounted &&
      `${numReceived} tokens were received, but ${numCounted} were counted`,
    blocks !== 0 && `blocks in use at the end: ${blocks ?? "unknown"}`,
    exitCode !== 0 && `the server exited with code ${exitCode}`,
    hasGrown(samples, "frontMib") && "the front's memory has grown",
    hasGrown(samples, "frontFds") && "the front's descriptor count has grown",
  ];
  return found.filter((fault) => fault !== false);
}

/** @returns medians of the first and last quarter */
export function quarters(samples: readonly Sample[], key: "frontMib" | "frontFds") {
  const quarter = Math.ceil(samples.length / 4);
  const median = (part: readonly Sample[]) => medianOf(part.map((one) => one[key]));
  return [median(samples.slice(0, quarter)), median(samples.slice(-quarter))] as const;
}

function hasGrown(samples: readonly Sample[], key: "frontMib" | "frontFds"): boolean {
  const [first, last] = quarters(samples, key);
  return last > first * MAX_GROWTH;
}
