// A seeded random workload through the scheduler and a model that remembers by slot. After every step
// the bookkeeping must add up; at the end every request must have said what it says when it runs alone
// without a prefix cache.

import { describe, expect, test } from "bun:test";
import type { Request } from "../../src/request/request.ts";
import type { SchedulerConfig } from "../../src/scheduler/scheduler.ts";
import { FAKE_EOS, FakeModelRunner } from "../support/fake-model-runner.ts";
import { makeRequest, makeScheduler } from "../support/make-request.ts";
import { Prng } from "../support/prng.ts";

const BLOCK_SIZE = 4;

interface World {
  readonly prng: Prng;
  readonly config: Partial<SchedulerConfig>;
  readonly maxModelLen: number;
}

function makeWorld(seed: number): World {
  const prng = new Prng(seed);
  const maxModelLen = 48;
  const minBlocks = maxModelLen / BLOCK_SIZE + 1;
  const config: Partial<SchedulerConfig> = {
    blockSize: BLOCK_SIZE,
    numBlocks: prng.int(minBlocks, 3 * minBlocks),
    maxModelLen,
    maxNumSeqs: prng.int(1, 8),
    maxNumBatchedTokens: prng.int(8, 40),
    longPrefillTokenThreshold: prng.chance(0.3) ? 5 : 0,
    policy: prng.chance(0.5) ? "fcfs" : "priority",
    enablePrefixCaching: prng.chance(0.8),
    eosTokenIds: [FAKE_EOS],
  };
  return { prng, config, maxModelLen };
}

/** A few shared beginnings make hits likely. */
function randomRequest({ prng, maxModelLen }: World, id: string): Request {
  const length = prng.int(1, maxModelLen - 4);
  const family = prng.int(0, 2);
  const shared = prng.int(0, length);
  const prompt = Array.from({ length }, (_, i) =>
    i < shared ? (family * 31 + i) % 256 : prng.int(0, 255),
  );
  return makeRequest(id, prompt, {
    priority: prng.int(0, 3),
    params: { maxTokens: prng.int(1, 20), seed: BigInt(prng.int(0, 9)), temperature: 1 },
  });
}

function forkOf(source: Request, index: number): Request {
  return makeRequest(`${source.requestId}-${index}`, [...source.tokenIds()], {
    priority: source.priority,
    params: { ...source.samplingParams, seed: BigInt(100 + index) },
    forkOf: source,
  });
}

async function run(world: World, requests: Request[], aborts: boolean): Promise<number> {
  const { prng, config } = world;
  const scheduler = makeScheduler(config);
  const runner = new FakeModelRunner({
    numBlocks: config.numBlocks ?? 0,
    blockSize: BLOCK_SIZE,
  });
  const pending = [...requests];
  const added: Request[] = [];
  let numPreemptions = 0;
  for (let step = 0; pending.length > 0 || scheduler.hasWork; step++) {
    expect(step).toBeLessThan(5000);
    while (pending.length > 0 && (prng.chance(0.5) || !scheduler.hasWork)) {
      const request = pending.shift() as Request;
      added.push(request);
      scheduler.add(request);
    }
    const plan = scheduler.schedule();
    expect(plan.numScheduledTokens).toBeLessThanOrEqual(config.maxNumBatchedTokens ?? 0);
    numPreemptions += plan.preempted.length;
    const result = await runner.run(plan);
    if (aborts && prng.chance(0.05)) {
      scheduler.finish(added[prng.int(0, added.length - 1)] as Request, "FINISHED_ABORTED");
    }
    scheduler.update(plan, result);
    scheduler.kvCache.checkIntegrity();
  }
  expect(scheduler.kvCache.pool.usage).toBe(0);
  return numPreemptions;
}

/** What the request says alone, in a large pool, without a prefix cache. */
async function outputAlone(request: Request, maxModelLen: number): Promise<number[]> {
  const twin = makeRequest("alone", [...request.tokenIds(0, request.numPromptTokens)], {
    params: request.samplingParams,
  });
  const scheduler = makeScheduler({
    blockSize: BLOCK_SIZE,
    enablePrefixCaching: false,
    maxModelLen,
    eosTokenIds: [FAKE_EOS],
  });
  const runner = new FakeModelRunner({ numBlocks: 65, blockSize: BLOCK_SIZE });
  scheduler.add(twin);
  while (scheduler.hasWork) {
    const plan = scheduler.schedule();
    scheduler.update(plan, await runner.run(plan));
  }
  return [...twin.tokenIds(twin.numPromptTokens)];
}

async function checkSeed(seed: number): Promise<number> {
  const world = makeWorld(seed);
  const requests = Array.from({ length: 14 }, (_, i) => randomRequest(world, `r${i}`)).flatMap(
    (request) => {
      const numForks = world.prng.chance(0.2) ? world.prng.int(1, 3) : 0;
      return [request, ...Array.from({ length: numForks }, (_, i) => forkOf(request, i + 1))];
    },
  );
  const numPreemptions = await run(world, requests, seed % 3 === 0);
  for (const request of requests) {
    expect(request.isFinished).toBe(true);
    const alone = await outputAlone(request, world.maxModelLen);
    const output = [...request.tokenIds(request.numPromptTokens)];
    const isAborted = request.status === "FINISHED_ABORTED";
    expect(output).toEqual(isAborted ? alone.slice(0, output.length) : alone);
  }
  return numPreemptions;
}

describe("simulation", () => {
  const first = Number(process.env["PAGODA_SIM_SEED"] ?? 1);

  test("300 random workloads keep every invariant and every output", async () => {
    let numPreemptions = 0;
    for (let seed = first; seed < first + 300; seed++) {
      try {
        numPreemptions += await checkSeed(seed);
      } catch (error) {
        throw new Error(`seed ${seed} (PAGODA_SIM_SEED=${seed} repeats it)`, { cause: error });
      }
    }
    expect(numPreemptions).toBeGreaterThan(100);
  }, 60_000);
});
