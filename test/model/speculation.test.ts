// Speculative decoding on the real model: every request yields the same tokens with drafts as
// without them.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { DEFAULT_MODEL_FILE } from "../../src/models/default-model.ts";
import type { Request } from "../../src/request/request.ts";
import type { GrammarSpec, SamplingParams } from "../../src/request/sampling-params.ts";
import { NativeModelRunner } from "../../src/runner/native-model-runner.ts";
import { ModelProposer } from "../../src/speculation/model-proposer.ts";
import { NgramProposer } from "../../src/speculation/ngram-proposer.ts";
import { PredictionProposer } from "../../src/speculation/prediction-proposer.ts";
import type { Proposer } from "../../src/speculation/proposer.ts";
import { SuffixProposer } from "../../src/speculation/suffix-proposer.ts";
import { writeFewerLayers } from "../support/fewer-layers.ts";
import { makeRequest, makeScheduler } from "../support/make-request.ts";
import { PROMPTS } from "../support/prompts.ts";
import { loadOptions, tempFolder } from "../support/tiny-model.ts";

const PATH = join(import.meta.dir, "../../models", DEFAULT_MODEL_FILE.name);
const NUM_TOKENS = 32;
const NUM_DRAFTS = 5;
const SUFFIX = { maxTreeDepth: 24, maxCachedRequests: 1000, maxSpecFactor: 2, minTokenProb: 0.1 };

/** Two hundred beginnings of text. */
const BEGINNINGS = PROMPTS.flatMap((prompt) => [
  ...[prompt, `Chapter 1\n\n${prompt}`, `"${prompt}`, `- One\n- Two\n- ${prompt}`],
]);
const SIZE = { numBlocks: 513, maxNumSeqs: 64, maxNumBatchedTokens: 512, maxModelLen: 2048 };
/** Layers of a draft model: two thirds of the 30. */
const LAYERS = Array.from({ length: 30 }, (_, i) => i).filter((i) => i < 5 || i % 3 !== 0);

const folder = tempFolder();
let runner: NativeModelRunner;
let promptIds: number[][] = [];

beforeAll(async () => {
  const draftPath = join(folder.path, "fewer-layers.gguf");
  writeFewerLayers(PATH, draftPath, LAYERS);
  runner = await NativeModelRunner.load(loadOptions(PATH, { ...SIZE, draftPath }));
  promptIds = await Promise.all(
    BEGINNINGS.map(async (prompt) => [...(await runner.tokenizer.encode(prompt, true, false))]),
  );
}, 60_000);
afterAll(async () => {
  await runner.dispose();
  folder.remove();
});

let numRuns = 0;

/** Generates from every prompt, with the prompts sampled in different ways. */
async function generate(proposer: Proposer | null, config = {}) {
  const run = numRuns++;
  const requests = promptIds.map((prompt, i) =>
    makeRequest(`${run}-${i}`, prompt, {
      params: { maxTokens: NUM_TOKENS, ...paramsOf(i) },
      grammar: paramsOf(i).grammar ? { isReady: true } : null,
    }),
  );
  for (const request of requests) {
    const { grammar } = request.samplingParams;
    if (grammar !== null) await runner.compileGrammar([request], grammar);
  }
  const scheduler = makeScheduler({ numBlocks: 513, maxModelLen: 2048, ...config });
  for (const request of requests) scheduler.add(request);
  let [numAccepted, numCertain] = [0, 0];
  while (scheduler.hasWork) {
    const plan = scheduler.schedule();
    for (const { request } of scheduler.update(plan, await runner.run(plan))) {
      if (!request.isFinished && proposer !== null) {
        const certain = runner.certainDrafts(request, NUM_DRAFTS);
        numCertain += certain.length;
        request.draftTokenIds =
          certain.length > 0
            ? certain
            : runner.cutDrafts(request, proposer.propose(request, NUM_DRAFTS));
      }
    }
    numAccepted += scheduler.takeStats().specDecode?.numAcceptedTokens ?? 0;
  }
  return { requests, outputs: requests.map(outputOf), numAccepted, numCertain };
}

const outputOf = (request: Request) => [...request.tokenIds(request.numPromptTokens)];

const LIST: GrammarSpec = {
  kind: "json_schema",
  text: '{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name","age"],"additionalProperties":false}}',
  param: "response_format",
};

/** A grammar that leaves no choice for most tokens. */
const SENTENCE: GrammarSpec = {
  kind: "regex",
  text: "The answer is (yes|no), and nobody doubts it\\.",
  param: "structured_outputs",
};

/** Greedy, seeded, penalized, and structured requests, in turn. */
function paramsOf(index: number): Partial<SamplingParams> {
  const seeded = { temperature: 0.8, seed: BigInt(index) };
  const kinds: Partial<SamplingParams>[] = [
    {},
    seeded,
    { ...seeded, topP: 0.9, topK: 40 },
    { frequencyPenalty: 0.3, presencePenalty: 0.2, repetitionPenalty: 1.05 },
    { ...seeded, grammar: LIST },
    { ...seeded, grammar: SENTENCE },
    { ...seeded, minTokens: 20, logitBias: [[28, 1]], logprobs: 2 },
  ];
  return kinds[index % kinds.length] ?? {};
}

/** Proposes a known output, with every fourth token wrong. */
function oracle(outputs: readonly number[][]): Proposer {
  return {
    finish: () => {},
    propose: (request, maxTokens) => {
      const index = Number(request.requestId.split("-")[1]);
      const from = request.numOutputTokens;
      const next = outputs[index]?.slice(from, from + maxTokens) ?? [];
      return next.map((tokenId, i) => ((from + i) % 4 === 3 ? tokenId + 1 : tokenId));
    },
  };
}

test("drafts from earlier tokens, past outputs, a draft model, or the output itself do not change the output", async () => {
  const plain = await generate(null);
  const ngram = await generate(new NgramProposer({ promptLookupMin: 1, promptLookupMax: 4 }));
  const suffix = new SuffixProposer(SUFFIX);
  const once = await generate(suffix);
  for (const request of once.requests) suffix.finish(request);
  const again = await generate(suffix);
  const model = await generate(new ModelProposer());
  const known = await generate(oracle(plain.outputs));
  expect(model.outputs).toEqual(plain.outputs);
  expect(model.numAccepted).toBeGreaterThan(promptIds.length);
  expect(once.outputs).toEqual(plain.outputs);
  expect(again.outputs).toEqual(plain.outputs);
  expect(again.numAccepted).toBeGreaterThan((promptIds.length * NUM_TOKENS) / 2);
  expect(ngram.outputs).toEqual(plain.outputs);
  expect(known.outputs).toEqual(plain.outputs);
  expect([plain.numAccepted, ngram.numAccepted > 50]).toEqual([0, true]);
  expect(known.numAccepted).toBeGreaterThan((promptIds.length * NUM_TOKENS) / 3);
  expect(ngram.numCertain).toBeGreaterThan(promptIds.length);
}, 300_000);

test("drafts with preemptions, prefix hits, and prompts in chunks do not change the output", async () => {
  const plain = await generate(null);
  const config = { numBlocks: 22, maxModelLen: 320, maxNumBatchedTokens: 48 };
  const known = await generate(oracle(plain.outputs), config);
  expect(known.outputs).toEqual(plain.outputs);
  const model = await generate(new ModelProposer(), config);
  expect(model.outputs).toEqual(plain.outputs);
  expect(known.numAccepted).toBeGreaterThan(promptIds.length);
  for (const { requests } of [known, model]) {
    expect(requests.some(({ numPreemptions }) => numPreemptions > 0)).toBe(true);
  }
}, 300_000);

test("a client's prediction with some wrong words is mostly accepted and does not change the output", async () => {
  const generateOne = async (prediction: readonly number[] | null) => {
    const request = makeRequest(`predicted-${numRuns++}`, promptIds[4] ?? [], {
      params: { maxTokens: 60 },
      predictionTokenIds: prediction && Int32Array.from(prediction),
    });
    const scheduler = makeScheduler({ numBlocks: SIZE.numBlocks, maxModelLen: SIZE.maxModelLen });
    const proposer = new PredictionProposer(
      new NgramProposer({ promptLookupMin: 9, promptLookupMax: 9 }),
    );
    scheduler.add(request);
    while (scheduler.hasWork) {
      const plan = scheduler.schedule();
      scheduler.update(plan, await runner.run(plan));
      if (!request.isFinished) request.draftTokenIds = proposer.propose(request, 8);
    }
    return request;
  };
  const plain = await generateOne(null);
  const edited = outputOf(plain).map((id, i) => (i % 20 === 10 ? id + 1 : id));
  const predicted = await generateOne(edited);
  expect(outputOf(predicted)).toEqual(outputOf(plain));
  expect(predicted.numAcceptedPredictionTokens).toBeGreaterThan(35);
}, 60_000);

test("the model itself as a draft model predicts more than 95% of greedy output", async () => {
  const self = await NativeModelRunner.load(loadOptions(PATH, { ...SIZE, draftPath: PATH }));
  const scheduler = makeScheduler({ numBlocks: SIZE.numBlocks, maxModelLen: SIZE.maxModelLen });
  promptIds.slice(0, 50).forEach((prompt, i) => {
    scheduler.add(makeRequest(`self-${i}`, prompt, { params: { maxTokens: 41 } }));
  });
  const proposer = new ModelProposer();
  let [numDrafts, numDraftTokens, numAccepted] = [0, 0, 0];
  while (scheduler.hasWork) {
    const plan = scheduler.schedule();
    for (const { request } of scheduler.update(plan, await self.run(plan))) {
      if (!request.isFinished) request.draftTokenIds = proposer.propose(request, 4);
    }
    const { specDecode } = scheduler.takeStats();
    numDrafts += specDecode?.numDrafts ?? 0;
    numDraftTokens += specDecode?.numDraftTokens ?? 0;
    numAccepted += specDecode?.numAcceptedTokens ?? 0;
  }
  await self.dispose();
  expect(numAccepted / numDraftTokens).toBeGreaterThan(0.95);
  expect(1 + numAccepted / numDrafts).toBeGreaterThan(3.5);
}, 120_000);
