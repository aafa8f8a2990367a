// An engine that predicts tokens with prompt lookup: the same outputs as without it, in fewer
// steps.

import { expect, test } from "bun:test";
import type { FrontRequest } from "../../src/front/output-stream.ts";
import { DEFAULT_SAMPLING_PARAMS, type SamplingParams } from "../../src/request/sampling-params.ts";
import type { SpeculationConfig } from "../../src/speculation/speculation-config.ts";
import { type FakeEngineOptions, makeApp, makeEngine } from "../support/fake-engine.ts";

const NGRAM: SpeculationConfig = {
  method: "ngram",
  numSpeculativeTokens: 4,
  disableByBatchSize: null,
  promptLookupMin: 1,
  promptLookupMax: 3,
};

function request(params: Partial<SamplingParams>): FrontRequest {
  return {
    externalId: "cmpl-a",
    prompt: Int32Array.from(Buffer.from("abcabcab")),
    samplingParams: { ...DEFAULT_SAMPLING_PARAMS, maxTokens: 60, seed: 5n, ...params },
    mustFit: false,
    priority: 0,
    cacheSalt: null,
    arrivalMs: 0,
  };
}

async function generate(params: Partial<SamplingParams>, options: FakeEngineOptions) {
  let numAccepted = 0;
  const { engine, client, runner, scheduler } = makeEngine({
    ...options,
    engine: {
      listeners: [
        {
          record: ({ specDecode }) => {
            numAccepted += specDecode?.numAcceptedTokens ?? 0;
          },
        },
      ],
    },
  });
  const choices: { tokenIds: number[]; text: string; end: string }[] = [];
  for await (const output of engine.generate(request(params))) {
    choices[output.index] ??= { tokenIds: [], text: "", end: "" };
    const choice = choices[output.index] as (typeof choices)[number];
    choice.tokenIds.push(...output.tokenIds);
    choice.text += output.text;
    choice.end = `${output.finishReason} ${output.stopReason}`;
  }
  expect(scheduler.kvCache.pool.usage).toBe(0);
  await client.shutdown();
  return { choices, numAccepted, numSteps: runner.numSteps };
}

/** A pool of 15 blocks, which is too small for all sequences of a request at once. */
const SMALL = { scheduler: { numBlocks: 16, blockSize: 8, maxModelLen: 120 } };

test.each<[string, Partial<SamplingParams>, FakeEngineOptions]>([
  ["greedily", { temperature: 0 }, {}],
  ["with a seed", { temperature: 1 }, {}],
  ["with a minimum length", { minTokens: 30 }, {}],
  ["with a stop string", { stop: ["bab"] }, {}],
  ["with bad words", { badWords: [[97, 98]] }, {}],
  ["with stop tokens after a minimum length", { stopTokenIds: [98], minTokens: 12 }, {}],
  ["for n sequences", { n: 3 }, {}],
  ["with preemptions", { n: 3 }, SMALL],
  ["in chunks", { n: 2 }, { scheduler: { maxNumBatchedTokens: 6 } }],
])("generates the same output %s", async (_, params, options) => {
  const model = { alphabet: "ab" };
  const plain = await generate(params, { ...options, model });
  const drafted = await generate(params, { ...options, model, speculation: NGRAM });
  expect(drafted.choices).toEqual(plain.choices);
  expect(plain.numAccepted).toBe(0);
  expect(drafted.numAccepted).toBeGreaterThan(0);
});

test("drafts let the engine repeat text in a fraction of the steps", async () => {
  const model = { answer: "cabcabcabcabcabcabcabcabcabcabc" };
  const plain = await generate({}, { model });
  const drafted = await generate({}, { model, speculation: NGRAM });
  expect(drafted.choices).toEqual(plain.choices);
  expect([plain.numSteps, drafted.numSteps]).toEqual([32, 8]);
});

test.each([1, 2, 5, 6, 7, null])(
  "reasoning ends at the same token with a budget of %j",
  async (budget) => {
    const choiceWith = async (options: FakeEngineOptions) => {
      const { post, client } = makeApp({
        model: { answer: "<think>abcabcabcabcabc</think>Hello" },
        chatFormat: { toolParser: "hermes", reasoningParser: "qwen3" },
        ...options,
      });
      const content = "<think>abcabcabcabcabc</think>Hello";
      const body = { messages: [{ role: "user", content }], thinking_token_budget: budget };
      const response = await post("/v1/chat/completions", body);
      await client.shutdown();
      return ((await response.json()) as { choices: object[] }).choices;
    };
    const drafted = await choiceWith({ speculation: NGRAM });
    expect(drafted).toEqual(await choiceWith({}));
  },
);
