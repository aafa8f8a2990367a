// The path from the engine to /metrics, compared with a reckoner that uses only the formulas and the event
// log: sequential requests, then mixes of preemption, chunked prefill, n > 1, stop strings, aborts, and
// failed steps, compared every few steps.

import { describe, expect, test } from "bun:test";
import type { FrontRequest } from "../../src/front/output-stream.ts";
import { DEFAULT_SAMPLING_PARAMS, type SamplingParams } from "../../src/request/sampling-params.ts";
import { Prng } from "../support/prng.ts";
import { type Series, seriesOf } from "../support/server-process.ts";
import { settled, turn, until } from "../support/waiting.ts";
import { loggedEngine } from "./event-log.ts";
import { type Reckoning, reckon } from "./reckoner.ts";

/** Families that report state missing from the log: the engine's configuration and sleep state. */
const NOT_RECKONED = ["vllm:cache_config_info", "vllm:engine_sleep_state"];

/** Every series from the reckoner; for histograms, all buckets on the page. */
function expectedSeries({ values, observations }: Reckoning, page: Series): Map<string, number> {
  const expected = new Map(values);
  for (const [family, observed] of observations) {
    expected.set(`vllm:${family}_count{}`, observed.length);
    expected.set(
      `vllm:${family}_sum{}`,
      observed.reduce((sum, value) => sum + value, 0),
    );
    for (const series of page.keys()) {
      const le = new RegExp(`^vllm:${family}_bucket\\{le="(.*)"\\}$`).exec(series)?.[1];
      if (le === undefined) continue;
      const bound = Number(le.replace("Inf", "Infinity"));
      expected.set(series, observed.filter((value) => value <= bound).length);
    }
  }
  return expected;
}

/** Sorted, and rounded because quotients can be summed in a different order. */
function comparable(series: Series): Record<string, number> {
  const rows = [...series].filter(
    ([name]) => name.startsWith("vllm:") && !NOT_RECKONED.some((prefix) => name.startsWith(prefix)),
  );
  return Object.fromEntries(
    rows.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => [name, +value.toFixed(9)]),
  );
}

type Logged = ReturnType<typeof loggedEngine>;

async function expectReckoned({ log, metrics }: Logged, numBlocks: number): Promise<Series> {
  const page = seriesOf(await metrics.text());
  const expected = expectedSeries(reckon(log, numBlocks), page);
  expect(comparable(page)).toEqual(comparable(expected));
  return page;
}

function request(
  { frontS }: Logged,
  prompt: string,
  params: Partial<SamplingParams>,
): FrontRequest {
  return {
    externalId: "cmpl-a",
    prompt: Int32Array.from(new TextEncoder().encode(prompt)),
    samplingParams: { ...DEFAULT_SAMPLING_PARAMS, temperature: 0, ...params },
    mustFit: false,
    priority: 0,
    cacheSalt: null,
    arrivalMs: frontS() * 1000,
  };
}

/** Reads to the end and ignores errors. */
async function drain(outputs: AsyncIterable<unknown>): Promise<void> {
  try {
    for await (const _ of outputs);
  } catch {
    // A step failed; this test only checks the metrics.
  }
}

async function untilIdle({ engine }: Logged): Promise<void> {
  await until(() => engine.numLiveSequences === 0);
  await settled();
}

describe("R sequential requests with P prompt and M output tokens", () => {
  const [R, P, M] = [3, 7, 5];

  test("yield exactly the documented numbers", async () => {
    const options = { scheduler: { numBlocks: 65, enablePrefixCaching: false } };
    const logged = loggedEngine({
      ...options,
      stepDurationS: () => 0.25,
      duringStep: async () => {},
    });
    for (let i = 0; i < R; i++) {
      const prompt = `${i}`.repeat(P);
      await drain(logged.engine.generate(request(logged, prompt, { maxTokens: M })));
    }
    await untilIdle(logged);
    const page = seriesOf(await logged.metrics.text());
    const value = (name: string) => page.get(`vllm:${name}{}`);
    expect(value("prompt_tokens_total")).toBe(R * P);
    expect(value("generation_tokens_total")).toBe(R * M);
    expect(value("time_to_first_token_seconds_count")).toBe(R);
    expect(value("time_to_first_token_seconds_sum")).toBe(R * 0.25);
    expect(value("inter_token_latency_seconds_count")).toBe(R * (M - 1));
    expect(value("inter_token_latency_seconds_sum")).toBe(R * (M - 1) * 0.25);
    expect(value("iteration_tokens_total_count")).toBe(R * M);
    expect(value("iteration_tokens_total_sum")).toBe(R * (P + M));
    expect(page.get('vllm:request_success_total{finished_reason="length"}')).toBe(R);
    expect(value("request_prompt_tokens_sum")).toBe(R * P);
    expect(value("request_params_n_sum")).toBe(R);
    const perRequest = [...page.keys()].filter((name) => /vllm:(e2e_)?request_.*_count/.test(name));
    expect(perRequest.length).toBe(13);
    for (const name of perRequest) expect([name, page.get(name)]).toEqual([name, R]);
    expect([value("num_requests_running"), value("num_requests_waiting")]).toEqual([0, 0]);
  });
});

const NUM_WORLDS = 12;
const NUM_STEPS = 90;
/** Number of steps between two comparisons. */
const STRIDE = 3;

const OUTCOMES = [
  'vllm:request_success_total{finished_reason="stop"}',
  'vllm:request_success_total{finished_reason="length"}',
  'vllm:request_success_total{finished_reason="abort"}',
  'vllm:request_success_total{finished_reason="error"}',
  "vllm:num_preemptions_total{}",
  "vllm:prefix_cache_hits_total{}",
] as const;

/** A random workload in a small block pool. */
class World {
  readonly logged: Logged;
  readonly numBlocks: number;
  /** Number of comparisons with deferred sequences, and with sequences that wait for capacity. */
  readonly seen = { deferred: 0, capacity: 0 };
  readonly #prng: Prng;
  #numSteps = 0;

  constructor(seed: number) {
    this.#prng = new Prng(seed);
    this.numBlocks = this.#prng.int(14, 20);
    this.logged = loggedEngine({
      scheduler: {
        blockSize: 4,
        numBlocks: this.numBlocks,
        maxModelLen: 48,
        maxNumSeqs: this.#prng.int(3, 8),
        maxNumBatchedTokens: this.#prng.int(8, 24),
      },
      stepDurationS: () => this.#prng.int(1, 12) / 8,
      duringStep: () => this.#duringStep(),
    });
  }

  async run(): Promise<Series> {
    do {
      this.#submit();
      await untilIdle(this.logged);
    } while (this.#numSteps < NUM_STEPS);
    return expectReckoned(this.logged, this.numBlocks);
  }

  async #duringStep(): Promise<void> {
    if (this.#numSteps++ % STRIDE === 0) await this.#compare();
    if (this.#numSteps < NUM_STEPS && this.#prng.chance(0.4)) this.#submit();
    this.logged.runner.failNextStep = this.#numSteps % 11 === 0 && this.#prng.chance(0.3);
  }

  async #compare(): Promise<void> {
    const page = await expectReckoned(this.logged, this.numBlocks);
    for (const reason of ["deferred", "capacity"] as const) {
      const waiting = page.get(`vllm:num_requests_waiting_by_reason{reason="${reason}"}`) ?? 0;
      if (waiting > 0) this.seen[reason]++;
    }
  }

  #submit(): void {
    const prng = this.#prng;
    const family = "abc"[prng.int(0, 2)] ?? "";
    const stream = this.logged.engine.generate(
      request(this.logged, family.repeat(prng.int(1, 28)), {
        n: prng.chance(0.3) ? prng.int(2, 3) : 1,
        temperature: 1,
        seed: BigInt(prng.int(0, 1000)),
        maxTokens: prng.int(1, 18),
        stop: prng.chance(0.4) ? ["e", "th"] : [],
        promptLogprobs: prng.chance(0.1) ? 0 : null,
      }),
    );
    void drain(stream);
    if (prng.chance(0.15)) void this.#abortLater(stream, prng.int(0, 6));
  }

  /** Aborts a stream in any state: not yet queued, waiting, in a step, or finished. */
  async #abortLater(stream: { abort(): void }, numTurns: number): Promise<void> {
    for (let i = 0; i < numTurns; i++) await turn();
    stream.abort();
  }
}

describe("mixed workloads", () => {
  test(`${NUM_WORLDS} of them yield the values that the reckoner computes from their logs`, async () => {
    const totals = new Map<string, number>();
    const seen = { deferred: 0, capacity: 0 };
    for (let seed = 1; seed <= NUM_WORLDS; seed++) {
      const world = new World(seed);
      const page = await world.run();
      for (const name of OUTCOMES) {
        totals.set(name, (totals.get(name) ?? 0) + (page.get(name) ?? Number.NaN));
      }
      seen.deferred += world.seen.deferred;
      seen.capacity += world.seen.capacity;
    }
    // Checks that the workloads included the difficult cases.
    for (const name of OUTCOMES) expect([name, (totals.get(name) ?? 0) > 20]).toEqual([name, true]);
    expect(Object.values(seen).every((count) => count > 20)).toBe(true);
  }, 30_000);
});
