// Seeded random workloads through the scheduler and a model that remembers by slot. After every step
// the bookkeeping must add up; at the end every request must have said what it says when it runs alone
// without a prefix cache. PAGODA_SIM_SEED=<n> starts at another seed.

import { describe, expect, test } from "bun:test";
import type { Request } from "../../src/request/request.ts";
import type { Scheduler, SchedulerConfig } from "../../src/scheduler/scheduler.ts";
import type { StepPlan } from "../../src/scheduler/scheduler-output.ts";
import type { TargetInterTokenLatency } from "../../src/scheduler/step-budget.ts";
import { FAKE_EOS, FakeModelRunner } from "../support/fake-model-runner.ts";
import { makeRequest, makeScheduler, preempted } from "../support/make-request.ts";
import { Prng } from "../support/prng.ts";

const BLOCK_SIZE = 4;
const MAX_MODEL_LEN = 48;
const MIN_BLOCKS = MAX_MODEL_LEN / BLOCK_SIZE + 1;
const NUM_SEEDS = 1000;

interface World {
  readonly prng: Prng;
  readonly config: Partial<SchedulerConfig> & {
    readonly numBlocks: number;
    readonly maxNumBatchedTokens: number;
    readonly enablePrefixCaching: boolean;
  };
  /** Chances a step. */
  readonly abortRate: number;
  readonly failureRate: number;
}

/** How often the hard cases occurred: workloads without them prove nothing. */
interface Events {
  preemptions: number;
  copies: number;
  hitTokens: number;
  failedSteps: number;
  /** Full of prompts under a budget below the largest. */
  shortSteps: number;
}

function makeWorld(seed: number): World {
  const prng = new Prng(seed);
  const config = {
    blockSize: BLOCK_SIZE,
    numBlocks: prng.int(MIN_BLOCKS, 3 * MIN_BLOCKS),
    maxModelLen: MAX_MODEL_LEN,
    maxNumSeqs: prng.int(1, 8),
    maxNumBatchedTokens: prng.int(8, 40),
    longPrefillTokenThreshold: prng.chance(0.3) ? 5 : null,
    maxNumPartialPrefills: prng.chance(0.3) ? 1 : null,
    growthReserveTokens: prng.chance(0.5) ? prng.int(0, 12) : null,
    targetInterTokenLatencyMs: randomTarget(prng),
    policy: prng.chance(0.5) ? ("fcfs" as const) : ("priority" as const),
    enablePrefixCaching: prng.chance(0.8),
    eosTokenIds: [FAKE_EOS],
  };
  const abortRate = prng.chance(0.3) ? 0.05 : 0;
  const failureRate = prng.chance(0.2) ? 0.02 : 0;
  return { prng, config, abortRate, failureRate };
}

function randomTarget(prng: Prng): TargetInterTokenLatency {
  if (prng.chance(0.5)) return null;
  return prng.chance(0.3) ? "auto" : prng.int(1, 60);
}

/** A few shared beginnings make hits likely. */
function randomRequest(prng: Prng, requestId: string): Request {
  const length = prng.int(1, MAX_MODEL_LEN - 4);
  const family = prng.int(0, 2);
  const shared = prng.chance(0.3) ? length : prng.int(0, length);
  const prompt = Array.from({ length }, (_, i) =>
    i < shared ? (family * 31 + i) % 256 : prng.int(0, 255),
  );
  return makeRequest(requestId, prompt, {
    priority: prng.int(0, 3),
    cacheSalt: prng.chance(0.1) ? "salt" : null,
    params: {
      maxTokens: prng.int(1, 20),
      minTokens: prng.int(0, 1),
      temperature: prng.int(0, 1),
      seed: BigInt(prng.int(0, 9)),
      stopTokenIds: prng.chance(0.3) ? [...Buffer.from("xyz")] : [],
      promptLogprobs: prng.chance(0.1) ? 0 : null,
    },
  });
}

/** A request and, for some, its n - 1 forks. */
function randomFamily(prng: Prng, requestId: string): Request[] {
  const source = randomRequest(prng, requestId);
  const numForks = prng.chance(0.25) ? prng.int(1, 3) : 0;
  const forks = Array.from({ length: numForks }, (_, i) =>
    makeRequest(`${requestId}-${i + 1}`, [...source.tokenIds()], {
      priority: source.priority,
      cacheSalt: source.cacheSalt,
      params: { ...source.samplingParams, promptLogprobs: null, seed: BigInt(100 + i) },
      forkOf: source,
    }),
  );
  return [source, ...forks];
}

/** Also that nobody who ran before is left out: a prompt does not hold up those behind it. */
function checkPlan(plan: StepPlan, before: readonly Request[], { config }: World): void {
  const planned = new Set(plan.scheduled.map(({ request }) => request));
  const isServed = (request: Request) => planned.has(request) !== (request.status === "PREEMPTED");
  expect(before.every(isServed)).toBe(true);
  const tokens = plan.scheduled.map(({ numScheduledTokens }) => numScheduledTokens);
  expect(tokens.every((count) => count >= 1)).toBe(true);
  expect(plan.numScheduledTokens).toBe(tokens.reduce((sum, count) => sum + count, 0));
  expect(plan.numScheduledTokens).toBeLessThanOrEqual(config.maxNumBatchedTokens);
}

/** A block of two tables stands at one place in both, is full in both, and has a hash to be hit by. */
function checkSharedBlocks(scheduler: Scheduler, requests: readonly Request[], world: World): void {
  const places = new Map<number, number>();
  const running = requests.filter(({ status }) => status === "RUNNING");
  for (const request of running) {
    scheduler.kvCache.blockIds(request, request.numComputedTokens).forEach((blockId, i) => {
      if (scheduler.kvCache.pool.refCount(blockId) === 1) return;
      expect(places.get(blockId) ?? i).toBe(i);
      places.set(blockId, i);
      expect((i + 1) * BLOCK_SIZE).toBeLessThanOrEqual(request.numComputedTokens);
      expect(scheduler.kvCache.pool.isHashed(blockId)).toBe(world.config.enablePrefixCaching);
    });
  }
}

async function runStep(
  world: World,
  scheduler: Scheduler,
  runner: FakeModelRunner,
  added: readonly Request[],
  events: Events,
): Promise<void> {
  const { prng, abortRate, failureRate } = world;
  const running = added.filter(({ status }) => status === "RUNNING");
  const plan = scheduler.schedule();
  checkPlan(plan, running, world);
  events.preemptions += preempted(running).length;
  events.copies += plan.transfers.copies.length;
  const isShort = plan.numScheduledTokens < world.config.maxNumBatchedTokens;
  const hasPartial = plan.scheduled.some(({ output }) => output === "none");
  events.shortSteps += isShort && hasPartial ? 1 : 0;
  runner.failNextStep = prng.chance(failureRate);
  const result = await runner.run(plan).catch(() => null);
  if (prng.chance(abortRate)) {
    scheduler.finish(added[prng.int(0, added.length - 1)] as Request, "FINISHED_ABORTED");
  }
  if (result !== null) scheduler.update(plan, { ...result, forwardMs: prng.int(0, 100) });
  else events.failedSteps += scheduler.failStep(plan).length > 0 ? 1 : 0;
  scheduler.kvCache.checkIntegrity();
  checkSharedBlocks(scheduler, added, world);
  events.hitTokens += scheduler.takeStats().prefixCache.hits;
}

async function run(world: World, requests: readonly Request[], events: Events): Promise<void> {
  const scheduler = makeScheduler(world.config);
  const { numBlocks } = world.config;
  const runner = new FakeModelRunner({ numBlocks, blockSize: BLOCK_SIZE });
  let numAdded = 0;
  for (let step = 0; numAdded < requests.length || scheduler.hasWork; step++) {
    expect(step).toBeLessThan(5000);
    while (numAdded < requests.length && (world.prng.chance(0.5) || !scheduler.hasWork)) {
      scheduler.add(requests[numAdded++] as Request);
    }
    await runStep(world, scheduler, runner, requests.slice(0, numAdded), events);
  }
  expect(scheduler.kvCache.pool.usage).toBe(0);
  expect(scheduler.takeStats()).toMatchObject({ numRunningReqs: 0, numWaitingReqs: 0 });
}

/** The same request alone, in a large pool, without a prefix cache. */
async function runAlone(request: Request): Promise<Request> {
  const twin = makeRequest("alone", [...request.tokenIds(0, request.numPromptTokens)], {
    params: request.samplingParams,
  });
  const scheduler = makeScheduler({
    blockSize: BLOCK_SIZE,
    enablePrefixCaching: false,
    maxModelLen: MAX_MODEL_LEN,
    eosTokenIds: [FAKE_EOS],
  });
  const runner = new FakeModelRunner({ numBlocks: 65, blockSize: BLOCK_SIZE });
  scheduler.add(twin);
  while (scheduler.hasWork) {
    const plan = scheduler.schedule();
    scheduler.update(plan, await runner.run(plan));
  }
  return twin;
}

async function checkSeed(seed: number, events: Events): Promise<void> {
  const world = makeWorld(seed);
  const families = Array.from({ length: 14 }, (_, i) => randomFamily(world.prng, `r${i}`));
  const requests = families.flat();
  await run(world, requests, events);
  for (const request of requests) {
    const alone = await runAlone(request);
    const output = [...request.tokenIds(request.numPromptTokens)];
    const expected = [...alone.tokenIds(alone.numPromptTokens)];
    const { status, isFinished } = request;
    expect(isFinished).toBe(true);
    const isCut = ["FINISHED_ABORTED", "FINISHED_ERROR"].includes(status);
    expect(output).toEqual(isCut ? expected.slice(0, output.length) : expected);
    if (!isCut) expect(status).toBe(alone.status);
  }
}

describe("simulation", () => {
  const first = Number(process.env["PAGODA_SIM_SEED"] ?? 1);

  test(`${NUM_SEEDS} random workloads keep every invariant and every output`, async () => {
    const events: Events = {
      preemptions: 0,
      copies: 0,
      hitTokens: 0,
      failedSteps: 0,
      shortSteps: 0,
    };
    for (let seed = first; seed < first + NUM_SEEDS; seed++) {
      try {
        await checkSeed(seed, events);
      } catch (error) {
        throw new Error(`seed ${seed} (PAGODA_SIM_SEED=${seed} repeats it)`, { cause: error });
      }
    }
    for (const count of Object.values(events)) expect(count).toBeGreaterThan(50);
  }, 60_000);
});
