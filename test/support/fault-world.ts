// A front, an engine, and the channel between them in one process, with the fake model and one planned
// fault: the Nth event of a kind fails. No timing is involved.

import type { Connect } from "../../src/byte-socket.ts";
import type { EngineConfig } from "../../src/engine/engine-config.ts";
import { InProcessEngine } from "../../src/engine/in-process-engine.ts";
import { EngineError } from "../../src/errors.ts";
import { Front } from "../../src/front/front.ts";
import type { FrontRequest } from "../../src/front/output-stream.ts";
import { EngineChild } from "../../src/process/engine-child.ts";
import { RemoteEngine } from "../../src/process/remote-engine.ts";
import type { IterationStats, SchedulerStats } from "../../src/protocol/stats.ts";
import type { Request } from "../../src/request/request.ts";
import type { Scheduler } from "../../src/scheduler/scheduler.ts";
import { makeEngineParts } from "./fake-engine.ts";
import type { FakeModelRunner } from "./fake-model-runner.ts";
import { memoryPipe, turns, type WriteFate } from "./memory-pipe.ts";
import { Prng } from "./prng.ts";

export const FAULT_KINDS = [
  "a step fails",
  "a step breaks the engine",
  "no blocks are left",
  "a client disconnects",
  "a client disconnects immediately",
  "the connection is lost",
  "bytes arrive late",
  "a write is not accepted",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** A fault that strikes once, at the Nth event of its kind after the engine has started. */
export class Fault {
  isArmed = false;
  hasFired = false;
  readonly kind: FaultKind;
  readonly #at: number;
  #count = 0;

  /** @param at number of the event, from 1; 0 = never */
  constructor(kind: FaultKind, at: number) {
    this.kind = kind;
    this.#at = at;
  }

  /** Counts one more event of `kind`. @returns whether it is the one that fails */
  strikes(kind: FaultKind): boolean {
    if (!this.isArmed || kind !== this.kind || ++this.#count !== this.#at) return false;
    this.hasFired = true;
    return true;
  }
}

export const LIMITS = { maxNumQueuedReqs: 32, maxNumQueuedTokens: 2000 };

/** Sizes that are small enough to cause preemptions but large enough for any single request. */
const SIZES = { numBlocks: 14, blockSize: 4, maxModelLen: 48, maxNumSeqs: 4 };

/** Outcome of a request. */
export interface LedgerEntry {
  readonly request: FrontRequest;
  readonly outcome: "finished" | "error" | "cancelled" | "refused";
  /** Text of each sequence. */
  readonly texts: readonly string[];
  readonly numTokens: number;
}

export class FaultWorld {
  readonly front: Front;
  readonly scheduler: Scheduler;
  /** Totals from the front's statistics. */
  readonly counted = { numTokens: 0, numFinished: 0 };
  readonly #fault: Fault;

  private constructor(fault: Fault, client: RemoteEngine, scheduler: Scheduler) {
    this.#fault = fault;
    this.scheduler = scheduler;
    const record = (_: SchedulerStats, iteration: IterationStats | null) => {
      this.counted.numTokens += iteration?.numGenerationTokens ?? 0;
      this.counted.numFinished += iteration?.finished.length ?? 0;
    };
    this.front = new Front(client, {
      listeners: [{ record }],
      limits: LIMITS,
      nowMs: () => 0,
    });
  }

  static async start(seed: number, fault: Fault): Promise<FaultWorld> {
    const parts = makeEngineParts({ model: {}, scheduler: { ...SIZES, maxNumBatchedTokens: 24 } });
    const { scheduler, runner, info } = parts;
    const check = () => scheduler.kvCache.checkIntegrity();
    readSlowly(runner, new Prng(seed));
    failSteps(runner, fault, check);
    failAllocations(scheduler, fault);
    const [frontEnd, engineEnd] = memoryPipe({
      prng: new Prng(seed),
      fateOfWrite: () => fateOfWrite(fault),
      onDelivered: check,
    });
    const startEngine = async () =>
      new InProcessEngine({ info, scheduler, runner, seed: 0n, nowMs: () => 0 });
    const onEnd = () => {};
    void EngineChild.run({ connect: engineEnd, startEngine, availableBytes: null, onEnd });
    const client = await startRemote(frontEnd);
    fault.isArmed = true;
    return new FaultWorld(fault, client, scheduler);
  }

  get isAlive(): boolean {
    return this.front.unavailable === null;
  }

  /** Sends one request and reads its output to the end. */
  async ask(request: FrontRequest): Promise<LedgerEntry> {
    const texts = Array.from({ length: request.samplingParams.n }, () => "");
    let numTokens = 0;
    const end = (outcome: LedgerEntry["outcome"]) => ({ request, outcome, texts, numTokens });
    try {
      const stream = this.front.generate(request);
      if (this.#fault.strikes("a client disconnects immediately")) {
        stream.abort();
        return end("cancelled");
      }
      for await (const output of stream) {
        texts[output.index] += output.text;
        numTokens += output.tokenIds.length;
        if (this.#fault.strikes("a client disconnects")) return end("cancelled");
      }
      return end("finished");
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return end(error.code === "engine_step_failed" ? "error" : "refused");
    }
  }

  /** Waits until finished requests are gone on both sides. */
  async settle(): Promise<void> {
    for (let i = 0; i < 50 && this.front.numLiveSequences > 0; i++) await turns(100);
    await turns(300);
  }
}

function startRemote(connect: Connect): Promise<RemoteEngine> {
  const host = { onLoadProgress: () => {}, log: () => {} };
  return RemoteEngine.start(connect, {} as EngineConfig, host);
}

function fateOfWrite(fault: Fault): WriteFate {
  if (fault.strikes("the connection is lost")) return "lose";
  if (fault.strikes("bytes arrive late")) return "hold";
  return fault.strikes("a write is not accepted") ? "refuse" : "pass";
}

/**
 * Delays tokenization at random, so that it overlaps with steps and does not follow the order of requests.
 */
function readSlowly({ tokenizer }: FakeModelRunner, prng: Prng): void {
  const encode = tokenizer.encode.bind(tokenizer);
  tokenizer.encode = async (...args) => {
    await turns(prng.int(0, 60));
    return encode(...args);
  };
}

function failSteps(runner: FakeModelRunner, fault: Fault, check: () => void): void {
  const run = runner.run.bind(runner);
  runner.run = async (plan) => {
    check();
    if (fault.strikes("a step breaks the engine")) throw new Error("the step broke");
    runner.failNextStep = fault.strikes("a step fails");
    const result = await run(plan);
    // Makes the step take several turns, so that messages arrive in the meantime.
    await turns(5);
    check();
    return result;
  };
}

/** Makes allocations fail, but not for the last running request: the memory plan ensures that it has room. */
function failAllocations(scheduler: Scheduler, fault: Fault): void {
  const { kvCache } = scheduler;
  const allocateSlots = kvCache.allocateSlots.bind(kvCache);
  const seen = new Set<Request>();
  kvCache.allocateSlots = (request, ...rest) => {
    seen.add(request);
    const others = [...seen].filter((other) => other !== request && other.status === "RUNNING");
    const isFork = request.forkOf !== null && request.status !== "RUNNING";
    const canFail = others.length > 0 && !isFork;
    if (canFail && fault.strikes("no blocks are left")) return null;
    return allocateSlots(request, ...rest);
  };
}
