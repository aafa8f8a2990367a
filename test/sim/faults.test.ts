// Injects one fault at every possible place: the Nth event of each kind fails, with N increasing until the
// run has fewer events (as SQLite does with its allocations and I/O). With every fault, each
// request must end once, finished requests must have the same output as without faults, and no
// resources must stay in use. PAGODA_SIM_SEED=<n> starts with another workload.

import { describe, expect, test } from "bun:test";
import type { FrontRequest } from "../../src/front/output-stream.ts";
import { DEFAULT_SAMPLING_PARAMS } from "../../src/request/sampling-params.ts";
import {
  FAULT_KINDS,
  Fault,
  type FaultKind,
  FaultWorld,
  type LedgerEntry,
  LIMITS,
} from "../support/fault-world.ts";
import { turns } from "../support/memory-pipe.ts";
import { Prng } from "../support/prng.ts";

const NUM_WORKLOADS = 4;
const NUM_REQUESTS = 7;
const PATIENCE_MS = 5_000;

function randomRequest(prng: Prng): FrontRequest {
  const length = prng.int(2, 24);
  const shared = prng.int(0, length);
  const n = prng.chance(0.3) ? prng.int(2, 3) : 1;
  const bytes = Int32Array.from({ length }, (_, i) => (i < shared ? i : prng.int(0, 127)));
  const text = { text: String.fromCharCode(...bytes), addSpecial: false };
  return {
    externalId: "cmpl-a",
    prompt: prng.chance(0.5) ? text : bytes,
    samplingParams: {
      ...DEFAULT_SAMPLING_PARAMS,
      ignoreEos: true,
      maxTokens: prng.int(1, 12),
      ...(n === 1 ? { temperature: 0 } : { temperature: 1, n }),
      seed: BigInt(prng.int(1, 9)),
    },
    mustFit: false,
    priority: 0,
    cacheSalt: null,
    arrivalMs: 0,
  };
}

interface Workload {
  readonly requests: readonly FrontRequest[];
  /** Event-loop turns before each request arrives. */
  readonly waits: readonly number[];
}

function makeWorkload(seed: number): Workload {
  const prng = new Prng(seed);
  const requests = Array.from({ length: NUM_REQUESTS }, () => randomRequest(prng));
  return { requests, waits: requests.map(() => (prng.chance(0.6) ? 0 : prng.int(1, 200))) };
}

async function run(world: FaultWorld, { requests, waits }: Workload): Promise<LedgerEntry[]> {
  const asked: Promise<LedgerEntry>[] = [];
  for (const [i, request] of requests.entries()) {
    await turns(waits[i] ?? 0);
    asked.push(world.ask(request));
  }
  return Promise.all(asked);
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
const nOf = ({ request }: LedgerEntry) => request.samplingParams.n;

function checkLedger(world: FaultWorld, entries: readonly LedgerEntry[]): void {
  const accepted = entries.filter(({ outcome }) => outcome !== "refused");
  expect(world.front.numLiveSequences).toBe(0);
  expect(world.counted.numFinished).toBe(sum(accepted.map(nOf)));
  const received = sum(entries.map(({ numTokens }) => numTokens));
  const isWhole = accepted.every(({ outcome }) => outcome === "finished");
  if (isWhole) expect(world.counted.numTokens).toBe(received);
  else expect(world.counted.numTokens).toBeGreaterThanOrEqual(received);
  const room = world.front.reserve(LIMITS.maxNumQueuedReqs);
  room.addTokens(LIMITS.maxNumQueuedTokens);
  room.release();
}

/** Texts by request in a run without faults. */
type Expected = ReadonlyMap<FrontRequest, readonly string[]>;

function checkTexts(entries: readonly LedgerEntry[], expected: Expected): void {
  for (const { request, outcome, texts } of entries) {
    const whole = expected.get(request) ?? [];
    if (outcome === "finished") expect(texts).toEqual([...whole]);
    else expect(texts.every((text, i) => whole[i]?.startsWith(text))).toBe(true);
  }
}

async function checkAfterwards(world: FaultWorld, workload: Workload, expected: Expected) {
  if (!world.isAlive) return;
  expect(world.scheduler.hasWork).toBe(false);
  expect(world.scheduler.kvCache.pool.usage).toBe(0);
  const again = await run(world, workload);
  expect(again.every(({ outcome }) => outcome === "finished")).toBe(true);
  checkTexts(again, expected);
}

/** @returns the outcomes of the requests, or null if the fault did not occur */
async function runWith(
  seed: number,
  workload: Workload,
  fault: Fault,
  expected: Expected,
): Promise<LedgerEntry[] | null> {
  const world = await FaultWorld.start(seed, fault);
  const entries = await run(world, workload);
  if (!fault.hasFired) return null;
  await world.settle();
  checkLedger(world, entries);
  checkTexts(entries, expected);
  await checkAfterwards(world, workload, expected);
  return entries;
}

/** @throws if it takes too long, because something waits for an event that never happens */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    // Reached only if the test fails.
    timer = setTimeout(reject, PATIENCE_MS, new Error("still waiting after the time limit"));
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function undisturbed(seed: number, workload: Workload): Promise<Expected> {
  const world = await FaultWorld.start(seed, new Fault("a step fails", 0));
  const entries = await run(world, workload);
  await world.settle();
  checkLedger(world, entries);
  return new Map(entries.map(({ request, texts }) => [request, texts]));
}

/** Outcomes that each kind of fault causes. */
const OUTCOMES: Readonly<Record<FaultKind, readonly string[]>> = {
  "a step fails": ["error", "finished"],
  "a step breaks the engine": ["error", "finished", "refused"],
  "no blocks are left": ["finished"],
  "a client disconnects": ["cancelled", "finished"],
  "a client disconnects immediately": ["cancelled", "finished"],
  "the connection is lost": ["error", "finished", "refused"],
  "bytes arrive late": ["finished"],
  "a write is not accepted": ["finished"],
};

describe("a fault at every possible place", () => {
  const first = Number(process.env["PAGODA_SIM_SEED"] ?? 1);

  test.each(FAULT_KINDS)(
    "%s: every request ends once, and the fault affects no finished request",
    async (kind) => {
      let numFaults = 0;
      const outcomes = new Set<string>();
      for (let seed = first; seed < first + NUM_WORKLOADS; seed++) {
        const workload = makeWorkload(seed);
        const expected = await inTime(undisturbed(seed, workload));
        for (let at = 1; ; at++) {
          const which = `PAGODA_SIM_SEED=${seed}, event ${at}: ${kind}`;
          const fault = new Fault(kind, at);
          const entries = await inTime(runWith(seed, workload, fault, expected)).catch((cause) => {
            throw new Error(which, { cause });
          });
          if (entries === null) break;
          numFaults++;
          for (const { outcome } of entries) outcomes.add(outcome);
        }
      }
      expect([...outcomes].sort()).toEqual([...OUTCOMES[kind]]);
      expect(numFaults).toBeGreaterThan(NUM_WORKLOADS * 5);
    },
    60_000,
  );
});
