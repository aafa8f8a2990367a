// Random workloads with seeds, run by the scheduler and the fake model, which stores tokens by slot. Half
// of them have draft tokens, both correct and incorrect, and some have LoRA adapters, which change what is
// stored. After every step, the bookkeeping must be consistent. At the end, every request must have the same
// output as in a run by itself, without a prefix cache or drafts. PAGODA_SIM_SEED=<n> starts at a different
// seed; PAGODA_SIM_STEPS=<n> sets the minimum number of steps.

import { describe, expect, test } from "bun:test";
import { EngineError } from "../../src/errors.ts";
import type { AdapterRef } from "../../src/request/adapter.ts";
import { MODEL_DRAFT } from "../../src/request/model-draft.ts";
import type { Request } from "../../src/request/request.ts";
import type { AdapterLoad } from "../../src/scheduler/adapter-slots.ts";
import type { AdapterLimits } from "../../src/scheduler/adapter-turns.ts";
import type { Scheduler, SchedulerConfig } from "../../src/scheduler/scheduler.ts";
import type {
  ScheduledRequest,
  StepPlan,
  StepResult,
} from "../../src/scheduler/scheduler-output.ts";
import type { TargetInterTokenLatency } from "../../src/scheduler/step-budget.ts";
import { DraftProposer } from "../support/draft-proposer.ts";
import { FAKE_EOS, FakeModelRunner } from "../support/fake-model-runner.ts";
import { makeRequest, makeScheduler, preempted } from "../support/make-request.ts";
import { Prng } from "../support/prng.ts";

const BLOCK_SIZE = 4;
const MAX_MODEL_LEN = 48;
const MIN_BLOCKS = MAX_MODEL_LEN / BLOCK_SIZE + 1;

interface World {
  readonly prng: Prng;
  readonly config: Partial<SchedulerConfig> & {
    readonly numBlocks: number;
    readonly maxNumBatchedTokens: number;
    readonly enablePrefixCaching: boolean;
  };
  /** Probabilities per step. */
  readonly abortRate: number;
  readonly failureRate: number;
  /** Probabilities per request. */
  readonly draftRate: number;
  readonly grammarRate: number;
  readonly adapterRate: number;
}

/** Counts of the difficult cases, which the workloads must include. */
interface Events {
  steps: number;
  preemptions: number;
  copies: number;
  hitTokens: number;
  failedSteps: number;
  /** Steps with partial prompts and a token budget below the maximum. */
  shortSteps: number;
  acceptedDrafts: number;
  rejectedDrafts: number;
  /** Drafts that were not planned: for lack of context length, and for lack of blocks or budget. */
  draftsCutByLength: number;
  draftsCutByRoom: number;
  /** Tokens sampled after a token that ended the request. */
  tokensBehindStop: number;
  preemptedWithDraft: number;
  /** New blocks that accepted tokens reached, and blocks returned with rejected tokens. */
  acceptedAcrossBorder: number;
  rejectedBlocks: number;
  /** Drafts from the draft model, and steps in which it only caught up. */
  modelDrafts: number;
  catchUpSteps: number;
  failedDrafts: number;
  /** Steps during which requests wait for a grammar, and grammars that could not be compiled. */
  stepsBesideGrammars: number;
  failedGrammars: number;
  /** Adapter loads, those that replaced another adapter, and those that failed. */
  loads: number;
  evictions: number;
  failedLoads: number;
  /** Steps with several adapters, and steps with as many as can run while requests for others wait. */
  stepsWithAdapters: number;
  stepsBesideOtherAdapters: number;
  /** Base-model blocks that requests with an adapter hit before its invocation tokens. */
  sharedWithBase: number;
}

const NO_EVENTS: Events = {
  steps: 0,
  preemptions: 0,
  copies: 0,
  hitTokens: 0,
  failedSteps: 0,
  shortSteps: 0,
  acceptedDrafts: 0,
  rejectedDrafts: 0,
  draftsCutByLength: 0,
  draftsCutByRoom: 0,
  tokensBehindStop: 0,
  preemptedWithDraft: 0,
  acceptedAcrossBorder: 0,
  rejectedBlocks: 0,
  modelDrafts: 0,
  catchUpSteps: 0,
  failedDrafts: 0,
  stepsBesideGrammars: 0,
  failedGrammars: 0,
  loads: 0,
  evictions: 0,
  failedLoads: 0,
  stepsWithAdapters: 0,
  stepsBesideOtherAdapters: 0,
  sharedWithBase: 0,
};

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
    draftLimits: prng.chance(0.3) ? { numSpeculativeTokens: 5, disableByBatchSize: null } : null,
    policy: prng.chance(0.5) ? ("fcfs" as const) : ("priority" as const),
    enablePrefixCaching: prng.chance(0.8),
    eosTokenIds: [FAKE_EOS],
    adapterLimits: randomAdapterLimits(prng),
  };
  const abortRate = prng.chance(0.3) ? 0.05 : 0;
  const failureRate = prng.chance(0.2) ? 0.02 : 0;
  const draftRate = prng.chance(0.5) ? 0.8 : 0;
  const grammarRate = prng.chance(0.4) ? 0.4 : 0;
  const adapterRate = prng.chance(0.5) ? 0.7 : 0;
  return { prng, config, abortRate, failureRate, draftRate, grammarRate, adapterRate };
}

function randomAdapterLimits(prng: Prng): AdapterLimits {
  const maxLoras = prng.int(1, 3);
  return { maxLoras, maxLoadedLoras: maxLoras + prng.int(0, 1) };
}

/** Adapters; the last two apply only from their invocation tokens, 7 and 8, on. */
const ADAPTERS = ["/a", "/b", "/c", "/alora:\x07\x08", "/other-alora:\x07\x08"].map((path) => ({
  ...{ name: path, key: path, path },
}));
const INVOCATION = [7, 8];

function randomTarget(prng: Prng): TargetInterTokenLatency {
  if (prng.chance(0.5)) return null;
  return prng.chance(0.3) ? "auto" : prng.int(1, 60);
}

/** Makes a request whose prompt shares one of a few prefixes, so hits are likely. */
function randomRequest({ prng, grammarRate, adapterRate }: World, requestId: string): Request {
  const length = prng.int(1, MAX_MODEL_LEN - 4);
  const family = prng.int(0, 2);
  const shared = prng.chance(0.3) ? length : prng.int(0, length);
  const prompt = Array.from({ length }, (_, i) =>
    i < shared ? (family * 31 + i) % 256 : prng.int(0, 255),
  );
  const adapter = prng.chance(adapterRate) ? (ADAPTERS[prng.int(0, 4)] as AdapterRef) : null;
  if (prng.chance(0.5)) prompt.splice(prng.int(0, length), INVOCATION.length, ...INVOCATION);
  return makeRequest(requestId, prompt, {
    adapter,
    priority: prng.int(0, 3),
    cacheSalt: prng.chance(0.1) ? "salt" : null,
    grammar: prng.chance(grammarRate) ? { isReady: false } : null,
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

/** A request and, in some cases, its n - 1 forks. */
function randomFamily(world: World, requestId: string): Request[] {
  const { prng } = world;
  const source = randomRequest(world, requestId);
  const numForks = prng.chance(0.25) ? prng.int(1, 3) : 0;
  const forks = Array.from({ length: numForks }, (_, i) =>
    makeRequest(`${requestId}-${i + 1}`, [...source.tokenIds()], {
      priority: source.priority,
      cacheSalt: source.cacheSalt,
      params: { ...source.samplingParams, promptLogprobs: null, seed: BigInt(100 + i) },
      forkOf: source,
      grammar: source.grammar,
      adapter: source.adapter,
    }),
  );
  return [source, ...forks];
}

/** Checks the plan, including that a prompt does not hold up running requests behind it. */
function checkPlan(plan: StepPlan, before: readonly Request[], { config }: World): void {
  const planned = new Set(plan.scheduled.map(({ request }) => request));
  const isServed = (request: Request) => planned.has(request) !== (request.status === "PREEMPTED");
  expect(before.every(isServed)).toBe(true);
  const tokens = plan.scheduled.map(({ numScheduledTokens }) => numScheduledTokens);
  expect(tokens.every((count) => count >= 1)).toBe(true);
  expect(plan.numScheduledTokens).toBe(tokens.reduce((sum, count) => sum + count, 0));
  expect(plan.numScheduledTokens).toBeLessThanOrEqual(config.maxNumBatchedTokens);
  plan.scheduled.forEach(checkDrafts);
}

/** Checks that at most maxLoras adapters run, each in the slot that holds it. */
function checkAdapters(
  plan: StepPlan,
  scheduler: Scheduler,
  { adapters }: FakeModelRunner,
  { config }: World,
  events: Events,
): void {
  const planned = new Set<AdapterRef>();
  for (const { request, adapterSlot } of plan.scheduled) {
    expect(adapterSlot === -1).toBe(request.adapter === null);
    if (request.adapter === null) continue;
    expect(adapters.get(adapterSlot)).toBe(request.adapter.path);
    planned.add(request.adapter);
    const isFirst = request.numTokens === request.numPromptTokens && request.numPreemptions === 0;
    const numBefore = Math.min(request.adapterStart ?? 0, request.numCachedTokens ?? 0);
    if (isFirst) events.sharedWithBase += Math.floor(numBefore / BLOCK_SIZE);
  }
  const { running = [], waiting = [] } = scheduler.adapters.stats() ?? {};
  const { maxLoras = 0, maxLoadedLoras = 0 } = config.adapterLimits ?? {};
  expect(adapters.size).toBeLessThanOrEqual(maxLoadedLoras + 1);
  expect(running.length).toBeLessThanOrEqual(maxLoras);
  events.stepsWithAdapters += planned.size > 1 ? 1 : 0;
  const isFull = running.length === maxLoras && waiting.some((name) => !running.includes(name));
  events.stepsBesideOtherAdapters += isFull ? 1 : 0;
}

/** Checks that drafts follow all known tokens and leave room for one more. */
function checkDrafts({ request, numDraftTokens, output, ...entry }: ScheduledRequest): void {
  const end = entry.numComputedTokens + entry.numScheduledTokens;
  expect(output).toBe(end - numDraftTokens === request.numTokens ? "tokens" : "none");
  if (numDraftTokens === 0) return;
  expect(output).toBe("tokens");
  expect(numDraftTokens).toBeLessThanOrEqual(request.draftTokenIds.length);
  expect(end).toBeLessThan(MAX_MODEL_LEN);
  expect(request.numOutputTokens + numDraftTokens).toBeLessThan(request.samplingParams.maxTokens);
}

/** Checks that no block, even with drafts, is hashed before all its tokens are known. */
function checkHashes({ kvCache }: Scheduler, plan: StepPlan): void {
  for (const { request, blockIds } of plan.scheduled) {
    blockIds.forEach((blockId, i) => {
      if (kvCache.pool.isHashed(blockId)) {
        expect((i + 1) * BLOCK_SIZE).toBeLessThanOrEqual(request.numTokens);
      }
    });
  }
}

/** Checks that running requests hold only the blocks of their computed tokens. */
function checkHeldBlocks({ kvCache }: Scheduler, requests: readonly Request[]): void {
  const held = new Set<number>();
  for (const request of requests) {
    if (request.status !== "RUNNING") continue;
    for (const blockId of kvCache.blockIds(request, request.numComputedTokens)) held.add(blockId);
  }
  expect(kvCache.pool.numBlocks - 1 - kvCache.pool.numFree).toBe(held.size);
}

/** Checks that no sampled token is lost, and that exactly the tokens with correct K/V count as computed. */
function checkProgress(
  plan: StepPlan,
  { results }: StepResult,
  numBefore: readonly number[],
): void {
  plan.scheduled.forEach(({ request, output, numComputedTokens, numScheduledTokens }, i) => {
    if (request.status !== "RUNNING") return;
    const { numTokens } = request;
    expect(numTokens).toBe((numBefore[i] ?? 0) + (results[i]?.tokenIds.length ?? 0));
    const end = numComputedTokens + numScheduledTokens;
    expect(request.numComputedTokens).toBe(output === "tokens" ? numTokens - 1 : end);
  });
}

/** Checks that a block in two tables has the same index in both, is full in both, and has a hash. */
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
  proposer: DraftProposer,
  events: Events,
): Promise<void> {
  const { prng, abortRate, failureRate } = world;
  const running = added.filter(({ status }) => status === "RUNNING");
  proposer.propose(added.filter(({ isFinished }) => !isFinished));
  const drafting = running.filter(({ draftTokenIds }) => draftTokenIds.length > 0);
  const plan = scheduler.schedule();
  if (plan.scheduled.length === 0) {
    expect(scheduler.hasWork).toBe(false);
    return;
  }
  events.steps++;
  checkPlan(plan, running, world);
  checkAdapters(plan, scheduler, runner, world, events);
  checkHashes(scheduler, plan);
  countDrafts(plan, events);
  events.preemptedWithDraft += preempted(drafting).length;
  const numBefore = plan.scheduled.map(({ request }) => request.numTokens);
  events.preemptions += preempted(running).length;
  events.copies += plan.transfers.copies.length;
  const isShort = plan.numScheduledTokens < world.config.maxNumBatchedTokens;
  const hasPartial = plan.scheduled.some(({ output }) => output === "none");
  events.shortSteps += isShort && hasPartial ? 1 : 0;
  runner.failNextStep = prng.chance(failureRate);
  const result = await runner.run(plan).catch((error) => {
    if (error instanceof EngineError) return null;
    throw error;
  });
  if (prng.chance(abortRate)) {
    scheduler.finish(added[prng.int(0, added.length - 1)] as Request, "FINISHED_ABORTED");
  }
  if (result === null) {
    events.failedSteps += scheduler.failStep(plan).length > 0 ? 1 : 0;
    events.failedDrafts += numDrafts(plan);
  } else {
    countAccepted(plan, result, events);
    scheduler.update(plan, { ...result, forwardMs: prng.int(0, 100) });
    checkProgress(plan, result, numBefore);
    countDropped(plan, result, numBefore, events);
  }
  checkHashes(scheduler, plan);
  scheduler.kvCache.checkIntegrity();
  checkHeldBlocks(scheduler, added);
  checkSharedBlocks(scheduler, added, world);
  events.hitTokens += scheduler.takeStats().prefixCache.hits;
}

const numDrafts = ({ scheduled }: StepPlan) =>
  scheduled.reduce((sum, { numDraftTokens }) => sum + numDraftTokens, 0);

/** Counts drafts that are not in the plan. */
function countDrafts({ scheduled }: StepPlan, events: Events): void {
  for (const { request, output, numDraftTokens } of scheduled) {
    if (output !== "tokens") continue;
    const { numTokens, numOutputTokens, samplingParams, draftTokenIds } = request;
    const room = Math.min(samplingParams.maxTokens - numOutputTokens, MAX_MODEL_LEN - numTokens);
    const numUseful = Math.min(draftTokenIds.length, Math.max(0, room - 1));
    events.draftsCutByLength += draftTokenIds.length - numUseful;
    events.draftsCutByRoom += numUseful - numDraftTokens;
  }
}

const blocksOf = (numTokens: number) => Math.ceil(numTokens / BLOCK_SIZE);

function countAccepted({ scheduled }: StepPlan, { results }: StepResult, events: Events): void {
  scheduled.forEach((entry, i) => {
    const { request, numComputedTokens, numScheduledTokens, numDraftTokens, catchUp } = entry;
    events.catchUpSteps += catchUp !== undefined && numDraftTokens === 0 ? 1 : 0;
    if (numDraftTokens === 0) return;
    const numAccepted = (results[i]?.tokenIds.length ?? 1) - 1;
    const end = numComputedTokens + numScheduledTokens;
    const kept = blocksOf(request.numTokens + numAccepted);
    events.acceptedDrafts += numAccepted;
    events.modelDrafts += request.draftTokenIds[0] === MODEL_DRAFT ? numDraftTokens : 0;
    events.rejectedDrafts += numDraftTokens - numAccepted;
    events.acceptedAcrossBorder += kept - blocksOf(request.numTokens);
    events.rejectedBlocks += blocksOf(end) - kept;
  });
}

function countDropped(
  { scheduled }: StepPlan,
  { results }: StepResult,
  numBefore: readonly number[],
  events: Events,
): void {
  scheduled.forEach(({ request }, i) => {
    if (request.status !== "FINISHED_STOPPED") return;
    const numSampled = results[i]?.tokenIds.length ?? 0;
    events.tokensBehindStop += numSampled - (request.numTokens - (numBefore[i] ?? 0));
  });
}

/**
 * Compiles the grammar of a waiting request, or fails to compile it and ends all requests for that grammar.
 */
function endCompilation(
  { prng }: World,
  scheduler: Scheduler,
  waiting: readonly Request[],
  events: Events,
): void {
  const { grammar } = waiting[prng.int(0, Math.max(0, waiting.length - 1))] ?? {};
  if (!grammar) return;
  if (prng.chance(0.1)) {
    const failed = waiting.filter((request) => request.grammar === grammar);
    for (const request of failed) scheduler.finish(request, "FINISHED_ABORTED");
    events.failedGrammars++;
    return;
  }
  grammar.isReady = true;
  scheduler.releaseGrammar(grammar);
}

/** Begins due loads of adapters, and completes some or all of those in progress. */
async function loadAdapters(
  { prng, abortRate }: World,
  scheduler: Scheduler,
  runner: FakeModelRunner,
  loads: AdapterLoad[],
  added: readonly Request[],
  events: Events,
): Promise<void> {
  for (const slot of scheduler.adapters.takeUnloads()) runner.unloadAdapter(slot);
  loads.push(...scheduler.adapters.takeLoads());
  while (loads.length > 0 && (!scheduler.hasWork || prng.chance(0.3))) {
    const { adapter, slot } = loads.shift() as AdapterLoad;
    events.loads++;
    if (prng.chance(3 * abortRate)) {
      scheduler.endAdapterLoad(adapter.key, null);
      const failed = added.filter((request) => request.adapter === adapter);
      for (const request of failed) scheduler.finish(request, "FINISHED_ERROR");
      events.failedLoads++;
      continue;
    }
    events.evictions += runner.adapters.has(slot) ? 1 : 0;
    const { invocationTokens } = await runner.loadAdapter(adapter.path, slot);
    scheduler.endAdapterLoad(adapter.key, invocationTokens);
  }
}

async function run(
  world: World,
  requests: readonly Request[],
  proposer: DraftProposer,
  events: Events,
): Promise<void> {
  const scheduler = makeScheduler(world.config);
  const { numBlocks } = world.config;
  const runner = new FakeModelRunner({ numBlocks, blockSize: BLOCK_SIZE });
  const loads: AdapterLoad[] = [];
  let numAdded = 0;
  const added = () => requests.slice(0, numAdded);
  const waiting = () => added().filter(({ status }) => status === "WAITING_FOR_GRAMMAR");
  for (
    let step = 0;
    added().some(({ isFinished }) => !isFinished) || numAdded < requests.length;
    step++
  ) {
    expect(step).toBeLessThan(5000);
    while (numAdded < requests.length && (world.prng.chance(0.5) || !scheduler.hasWork)) {
      scheduler.add(requests[numAdded++] as Request);
    }
    if (!scheduler.hasWork || world.prng.chance(0.2)) {
      endCompilation(world, scheduler, waiting(), events);
    }
    await loadAdapters(world, scheduler, runner, loads, added(), events);
    if (world.prng.chance(0.02)) scheduler.adapters.remove((ADAPTERS[0] as AdapterRef).key);
    expect(scheduler.takeStats().numDeferredReqs).toBeGreaterThanOrEqual(waiting().length);
    if (!scheduler.hasWork) continue;
    events.stepsBesideGrammars += waiting().length > 0 ? 1 : 0;
    await runStep(world, scheduler, runner, added(), proposer, events);
  }
  expect(scheduler.kvCache.pool.usage).toBe(0);
  expect(scheduler.takeStats()).toMatchObject({ numRunningReqs: 0, numWaitingReqs: 0 });
}

/** Runs the same request by itself, in a large pool, without a prefix cache. */
async function runAlone(request: Request, params = request.samplingParams): Promise<Request> {
  const prompt = [...request.tokenIds(0, request.numPromptTokens)];
  const { adapter } = request;
  const twin = makeRequest("alone", prompt, { params, adapter });
  const scheduler = makeScheduler({
    blockSize: BLOCK_SIZE,
    enablePrefixCaching: false,
    maxModelLen: MAX_MODEL_LEN,
    eosTokenIds: [FAKE_EOS],
    adapterLimits: { maxLoras: 1, maxLoadedLoras: 1 },
  });
  const runner = new FakeModelRunner({ numBlocks: 65, blockSize: BLOCK_SIZE });
  if (adapter !== null) {
    scheduler.adapters.load(adapter);
    const { invocationTokens } = await runner.loadAdapter(adapter.path, 0);
    scheduler.endAdapterLoad(adapter.key, invocationTokens);
  }
  scheduler.add(twin);
  while (scheduler.hasWork) {
    const plan = scheduler.schedule();
    scheduler.update(plan, await runner.run(plan));
  }
  return twin;
}

const outputOf = (request: Request) => [...request.tokenIds(request.numPromptTokens)];

/** Output of each request if only the context length limited it. */
async function continuations(requests: readonly Request[]): Promise<Map<Request, number[]>> {
  const all = new Map<Request, number[]>();
  for (const request of requests) {
    const endless = { ...request.samplingParams, stopTokenIds: [], maxTokens: MAX_MODEL_LEN };
    all.set(request, outputOf(await runAlone(request, endless)));
  }
  return all;
}

async function checkSeed(seed: number, events: Events): Promise<void> {
  const world = makeWorld(seed);
  const families = Array.from({ length: 14 }, (_, i) => randomFamily(world, `r${i}`));
  const requests = families.flat();
  const known = await continuations(world.draftRate > 0 ? requests : []);
  await run(world, requests, new DraftProposer(world.prng, world.draftRate, known), events);
  for (const request of requests) {
    const alone = await runAlone(request);
    const output = outputOf(request);
    const expected = outputOf(alone);
    const { status, isFinished } = request;
    expect(isFinished).toBe(true);
    const isCut = ["FINISHED_ABORTED", "FINISHED_ERROR"].includes(status);
    expect(output).toEqual(isCut ? expected.slice(0, output.length) : expected);
    if (!isCut) expect(status).toBe(alone.status);
  }
}

describe("simulation", () => {
  const first = Number(process.env["PAGODA_SIM_SEED"] ?? 1);
  const numSteps = Number(process.env["PAGODA_SIM_STEPS"] ?? 60_000);

  test(
    `${numSteps} steps of random workloads satisfy every invariant and yield the expected outputs`,
    async () => {
      const events = { ...NO_EVENTS };
      for (let seed = first; events.steps < numSteps; seed++) {
        try {
          await checkSeed(seed, events);
        } catch (error) {
          throw new Error(`seed ${seed} (set PAGODA_SIM_SEED=${seed} to reproduce)`, {
            cause: error,
          });
        }
      }
      const rare = Object.entries(events).filter(([, count]) => count <= 50);
      expect(rare).toEqual([]);
    },
    Math.max(60_000, numSteps),
  );
});
