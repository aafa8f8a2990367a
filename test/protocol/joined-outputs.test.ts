// A slow front gets the messages of several steps merged into one. Its outputs and metrics must not
// depend on that.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { Front } from "../../src/front/front.ts";
import { BlockResidency } from "../../src/kvcache/block-residency.ts";
import { Metrics } from "../../src/metrics/metrics.ts";
import { JoinedOutputs } from "../../src/protocol/joined-outputs.ts";
import type { EngineClient, EngineOutputs, EngineRequest } from "../../src/protocol/protocol.ts";
import { DEFAULT_SAMPLING_PARAMS } from "../../src/request/sampling-params.ts";
import { INFO } from "../metrics/fixtures.ts";
import { makeEngine } from "../support/fake-engine.ts";

const REQUESTS = ["one", "two prompts, a block in common", "two prompts, a block and more"].map(
  (prompt, i): EngineRequest => ({
    externalId: `cmpl-${i}`,
    requestIds: [String(i)],
    prompt: Int32Array.from(new TextEncoder().encode(prompt)),
    samplingParams: {
      ...DEFAULT_SAMPLING_PARAMS,
      ...{ temperature: 0, maxTokens: 40 + i, logprobs: 1, promptLogprobs: i === 0 ? 1 : null },
    },
    mustFit: false,
    priority: 0,
    cacheSalt: null,
  }),
);

/** Messages from an engine with so few blocks that requests are preempted and blocks evicted. */
async function record(): Promise<EngineOutputs[]> {
  let nowMs = 0;
  const clock = () => {
    nowMs += 250; // quarters of a second have exact sums in any order
    return nowMs;
  };
  const residency = new BlockResidency({ sampleRate: 1, nowS: clock, random: () => 0 });
  const scheduler = { numBlocks: 9, maxModelLen: 128, residency };
  const { client } = makeEngine({ scheduler, nowMs: clock });
  const messages: EngineOutputs[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  client.onOutputs((message) => {
    messages.push(message);
    const ended = messages.flatMap(({ outputs }) => outputs.filter((o) => o.finishReason !== null));
    if (ended.length === REQUESTS.length && message.stats.numRunningReqs === 0) resolve();
  });
  for (const request of REQUESTS) client.add(request);
  await promise;
  return messages;
}

/** Results that a front derives from messages: the metrics page and each reader's output. */
async function replay(messages: readonly EngineOutputs[]) {
  let deliver: (message: EngineOutputs) => void = () => {};
  const client = {
    ...{ info: INFO, unavailable: null, died: new Promise(() => {}) },
    ...{ add: async () => new Int32Array(1), abort: () => {}, onRestart: () => {} },
    onOutputs: (listener: typeof deliver) => {
      deliver = listener;
    },
  } as unknown as EngineClient;
  const metrics = new Metrics({
    ...{ info: INFO, modelName: "tiny", showHiddenFor: null, createdSeries: false },
    features: new Set(["log-stats", "kv-cache-metrics"] as const),
    ...{ isEngineUp: () => true, processStats: () => null, nowS: () => 0 },
  });
  const front = new Front(client, { listeners: [metrics], nowMs: () => 0 });
  const readers = REQUESTS.map((request) => front.generate({ ...request, arrivalMs: 0 }));
  for (const message of messages) deliver(message);
  const answers = await Promise.all(
    readers.map(async (reader) => (await Array.fromAsync(reader))[0]),
  );
  return { page: await metrics.text(), answers };
}

function joined(messages: readonly EngineOutputs[]): EngineOutputs[] {
  const backlog = new JoinedOutputs();
  for (const message of messages) backlog.add(message);
  return [backlog.take() ?? []].flat();
}

const messages = await record();
const expected = await replay(messages);

test("the recorded messages cover the difficult cases", () => {
  expect(messages.length).toBeGreaterThan(40);
  expect(expected.page).toMatch(/num_preemptions_total\{.*\} [1-9]/);
  expect(expected.page).toMatch(/prefix_cache_hits_total\{.*\} [1-9]/);
  expect(expected.page).toMatch(/kv_block_lifetime_seconds_count\{.*\} [1-9]/);
  expect(expected.page).toMatch(/inter_token_latency_seconds_count\{.*\} 120/);
  expect(expected.page).toMatch(/iteration_tokens_total_count\{.*\} [1-9]/);
});

test("merging messages in any way yields the same page and the same outputs", async () => {
  const cuts = fc.uniqueArray(fc.nat(messages.length - 1), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(cuts, async (at) => {
      const ends = [...at.sort((a, b) => a - b), messages.length];
      const parts = ends.map((end, i) => joined(messages.slice(i === 0 ? 0 : ends[i - 1], end)));
      expect(await replay(parts.flat())).toEqual(expected);
    }),
    { numRuns: 30 },
  );
});

test("no message is merged twice", () => {
  const backlog = new JoinedOutputs();
  expect(backlog.take()).toBeNull();
  for (const message of messages) backlog.add(message);
  expect(backlog.isEmpty).toBe(false);
  backlog.take();
  expect(backlog.take()).toBeNull();
});
