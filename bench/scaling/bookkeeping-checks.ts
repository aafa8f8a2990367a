// Checks of Pagoda's bookkeeping, with an empty forward pass: S1, S5, S6, S7, S8, S12, S13.

import { randomOf } from "../../src/benchmark/prompts.ts";
import { percentile } from "../../src/benchmark/statistics.ts";
import { BlockPool } from "../../src/kvcache/block-pool.ts";
import { stepCostUs } from "../bookkeeping.ts";
import { report } from "../measure.ts";
import {
  BLOCK_SIZE,
  cpuUsOf,
  leastCpuUs,
  mockRequest,
  mockScheduler,
  mockStep,
} from "./mock-load.ts";

const ratio = (value: number) => value.toFixed(2);

/** S1: the number of running sequences. */
export async function runningSequences(): Promise<void> {
  await stepCostUs(128);
  const costs: number[] = [];
  for (const numSeqs of [1, 16, 256, 1024]) costs.push(await stepCostUs(numSeqs));
  const [, sixteen = Number.NaN, many = Number.NaN, most = Number.NaN] = costs;
  const all = costs.map((us) => us.toFixed(0)).join(" / ");
  report("CPU µs per step with 1 / 16 / 256 / 1,024 sequences", all);
  report("cost of 256 / cost of 16", ratio(many / sixteen), "<= 18");
  report("cost of 1,024 / cost of 256", ratio(most / many), "<= 4.5");
  report("extra µs per sequence, 256 to 1,024", ratio((most - many) / 768), "<= 1");
}

const OPERATIONS = 50_000;

/** ns per hit (lookup, touch, free) and per new block (evict, allocate, insert, free). */
function blockCosts(numBlocks: number) {
  const random = randomOf(numBlocks);
  const words = new Uint32Array(numBlocks * 8);
  for (let i = 0; i < words.length; i++) words[i] = random() * 0x1_0000_0000;
  const bytes = new Uint8Array(words.buffer);
  const hashOf = (block: number) => bytes.subarray(32 * block, 32 * block + 32);
  const pool = new BlockPool(numBlocks);
  for (let i = 1; i < numBlocks; i++) {
    const block = pool.allocate() ?? 0;
    pool.setHash(block, hashOf(block));
    pool.free(block);
  }
  const picks = Array.from(
    { length: OPERATIONS },
    () => 1 + Math.floor(random() * (numBlocks - 1)),
  );
  // The hashes to look up are adjacent, as they are in a request, so reading them adds little to the pool's
  // cost.
  const sought = Uint8Array.from(picks.flatMap((pick) => [...hashOf(pick)]));
  const hitUs = leastCpuUs(5, () => {
    for (let i = 0; i < OPERATIONS; i++) {
      const block = pool.lookup(sought.subarray(32 * i, 32 * i + 32)) ?? 0;
      pool.touch(block);
      pool.free(block);
    }
  });
  const evictUs = leastCpuUs(5, () => {
    for (let i = 0; i < OPERATIONS; i++) {
      const block = pool.allocate() ?? 0;
      pool.setHash(block, hashOf(block));
      pool.free(block);
    }
  });
  return { hitNs: (1000 * hitUs) / OPERATIONS, evictNs: (1000 * evictUs) / OPERATIONS };
}

/** S5: the number of cached blocks. */
export async function cachedBlocks(): Promise<void> {
  blockCosts(10_000);
  const sizes = [10_000, 100_000, 1_000_000, 4_000_000];
  const costs = sizes.map(blockCosts);
  const [smallest, largest] = [costs[0], costs.at(-1)];
  const list = (of: "hitNs" | "evictNs") => costs.map((cost) => cost[of].toFixed(0)).join(" / ");
  report("ns per hit: lookup, touch, free; 10^4 / 10^5 / 10^6 / 4*10^6 blocks", list("hitNs"));
  report("ns per new block: evict, allocate, insert, free", list("evictNs"));
  const growth = (largest?.hitNs ?? Number.NaN) / (smallest?.hitNs ?? Number.NaN);
  const evictGrowth = (largest?.evictNs ?? Number.NaN) / (smallest?.evictNs ?? Number.NaN);
  report("growth in cost per hit", ratio(growth), "<= 3");
  report("growth in cost per new block", ratio(evictGrowth), "<= 3");
  report("µs per hit in the largest pool", ratio((largest?.hitNs ?? Number.NaN) / 1000), "<= 0.5");
}

/** Costs, in µs, of a decode step, an enqueue, and a cancellation in the middle of the queue. */
function queueCosts(numWaiting: number) {
  const scheduler = mockScheduler({ numBlocks: 4097, maxNumSeqs: 16 });
  for (let i = 0; i < 16; i++) scheduler.add(mockRequest(16, 4000));
  for (let i = 0; i < 50; i++) mockStep(scheduler);
  const waiting = Array.from({ length: numWaiting }, () => mockRequest(16, 16));
  const addUs = cpuUsOf(() => waiting.forEach((request) => void scheduler.add(request)));
  const stepUs = leastCpuUs(5, () => {
    for (let i = 0; i < 500; i++) mockStep(scheduler);
  });
  const middle = waiting.slice(numWaiting / 4, (3 * numWaiting) / 4);
  const cancelUs = cpuUsOf(() =>
    middle.forEach((request) => void scheduler.finish(request, "FINISHED_ABORTED")),
  );
  return { stepUs: stepUs / 500, addUs: addUs / numWaiting, cancelUs: cancelUs / middle.length };
}

/** S6: the number of waiting requests. */
export async function waitingQueue(): Promise<void> {
  queueCosts(1000);
  const few = queueCosts(100);
  const many = queueCosts(100_000);
  report("µs per step, 100 / 100,000 waiting", `${ratio(few.stepUs)} / ${ratio(many.stepUs)}`);
  report("growth in cost per step", ratio(many.stepUs / few.stepUs), "<= 1.3");
  report("µs per enqueue at 100,000", ratio(many.addUs), "<= 2");
  report("µs per cancellation in the middle at 100,000", ratio(many.cancelUs), "<= 2");
}

/** Cost of hashing and block tables in 512-token steps, in µs per prompt token. */
function promptCostUs(numTokens: number, enablePrefixCaching = true): number {
  const numBlocks = numTokens / BLOCK_SIZE + 2;
  const times = Math.max(3, Math.round(200_000 / numTokens));
  const costs = Array.from({ length: times }, () => {
    const scheduler = mockScheduler({ numBlocks, enablePrefixCaching });
    scheduler.add(mockRequest(numTokens, 1));
    return cpuUsOf(() => {
      while (scheduler.hasWork) mockStep(scheduler);
    });
  });
  return Math.min(...costs) / numTokens;
}

/** S7: prompt length. */
export async function promptLength(): Promise<void> {
  promptCostUs(4096);
  const lengths = [1024, 8192, 32_768, 131_072];
  const costs = lengths.map((length) => promptCostUs(length));
  const [first = Number.NaN, , , last = Number.NaN] = costs;
  const all = costs.map((us) => us.toFixed(3)).join(" / ");
  report("µs per token for prompts of 1k / 8k / 32k / 128k", all, "<= 0.1");
  report("growth", ratio(last / first), "flat");
}

/** µs per token that the default model's prefill would take if it fully used the VNNI units of two cores. */
const FASTEST_PREFILL_US = 1e6 / 8400;

/** S8: prefix caching that never hits. */
export async function cachingWithoutHits(): Promise<void> {
  promptCostUs(4096, false);
  const off = promptCostUs(8192, false);
  const on = promptCostUs(8192, true);
  report("µs per prompt token, caching off / on", `${off.toFixed(3)} / ${on.toFixed(3)}`);
  const throughput = FASTEST_PREFILL_US / (FASTEST_PREFILL_US + Math.max(0, on - off));
  report("prefill throughput on / off, at this model's ceiling", throughput.toFixed(4), ">= 0.99");
}

const STEPS = 1_000_000;
const STEPS_A_SLICE = 50_000;

/** S12: a long run. */
export async function longRun(): Promise<void> {
  const scheduler = mockScheduler({ numBlocks: 513, maxNumSeqs: 16 });
  const alive = new Set<ReturnType<typeof mockRequest>>();
  const times = new Float64Array(STEPS);
  const residents: number[] = [];
  let numRequests = 0;
  for (let i = 0; i < STEPS; i++) {
    while (alive.size < 16) {
      const request = mockRequest(1 + (numRequests++ % 64), 160);
      alive.add(request);
      scheduler.add(request);
    }
    const start = performance.now();
    mockStep(scheduler);
    times[i] = performance.now() - start;
    for (const request of alive) if (request.isFinished) alive.delete(request);
    if ((i + 1) % STEPS_A_SLICE !== 0) continue;
    Bun.gc(true);
    residents.push(process.memoryUsage().heapUsed);
  }
  for (const request of alive) scheduler.finish(request, "FINISHED_ABORTED");
  const { pool } = scheduler.kvCache;
  const late = [...times.subarray(STEPS / 2)];
  const [p50, p99] = [percentile(late, 50), percentile(late, 99)];
  const early = residents[Math.floor(residents.length / 2)] ?? Number.NaN;
  const drift = (residents.at(-1) ?? Number.NaN) / early - 1;
  report("steps / requests", `${STEPS} / ${numRequests}`);
  report("heap growth, second half of the run", `${(100 * drift).toFixed(2)}%`, "<= 1%");
  report("step, p99 / p50", ratio(p99 / p50), "<= 2");
  report("blocks in use at the end", String(pool.numBlocks - 1 - pool.numFree), "0");
}

/** S13: twice the load that fits in the pool. */
export async function preemptions(): Promise<void> {
  const [numRequests, tokensIn, tokensOut] = [64, 256, 512];
  const atOnce = 16;
  const halfOfNeed = (atOnce * (tokensIn + tokensOut)) / BLOCK_SIZE / 2;
  const scheduler = mockScheduler({ numBlocks: halfOfNeed + 1, maxNumSeqs: atOnce });
  const requests = Array.from({ length: numRequests }, () => mockRequest(tokensIn, tokensOut));
  for (const request of requests) scheduler.add(request);
  let numComputed = 0;
  let numPreempted = 0;
  while (scheduler.hasWork) {
    const plan = mockStep(scheduler);
    numComputed += plan.numScheduledTokens;
    numPreempted += scheduler.takeStats().numPreemptedReqs;
  }
  const needed = numRequests * (tokensIn + tokensOut - 1);
  const ended = requests.filter(({ isFinished }) => isFinished).length;
  report("finished requests", `${ended} of ${numRequests}`, `${numRequests}`);
  report("preemptions", String(numPreempted), "> 0");
  report("share recomputed", (1 - needed / numComputed).toFixed(3), "<= 0.15");
}
