// The draft model, on tiny models: it drafts for many sequences at once, never changes the output, and is refused with a
// reason if it does not fit.

import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startEngine } from "../../src/engine/start-engine.ts";
import { MODEL_DRAFT } from "../../src/request/model-draft.ts";
import type { Request } from "../../src/request/request.ts";
import { loadAddon } from "../../src/runner/addon.ts";
import type { StepBatch } from "../../src/runner/addon-types.ts";
import { NativeModelRunner } from "../../src/runner/native-model-runner.ts";
import { StepPacker } from "../../src/runner/step-batch.ts";
import type { SchedulerConfig } from "../../src/scheduler/scheduler.ts";
import type { StepResult } from "../../src/scheduler/scheduler-output.ts";
import { ModelProposer } from "../../src/speculation/model-proposer.ts";
import { planOf } from "../support/drive.ts";
import { fakeConfig } from "../support/fake-engine-child.ts";
import { makeRequest, makeScheduler } from "../support/make-request.ts";
import { type TinyGgufOptions, writeTinyGguf } from "../support/tiny-gguf.ts";
import { loadOptions, tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
afterAll(folder.remove);

let numFiles = 0;

function write(options: TinyGgufOptions = {}): string {
  const path = join(folder.path, `draft-${numFiles++}.gguf`);
  writeTinyGguf(path, options);
  return path;
}

const TARGET = write();
const NUM_DRAFTS = 4;
const NUM_TOKENS = 40;
const LIMITS = { maxNumSeqs: 8, maxNumBatchedTokens: 256, maxModelLen: 512 };

function load(draftPath: string, options = {}): Promise<NativeModelRunner> {
  return NativeModelRunner.load(loadOptions(TARGET, { draftPath, ...options }));
}

const promptOf = (length: number, seed: number) =>
  Array.from({ length }, (_, i) => (i < 20 ? 30 + i : 40 + ((i * 31 + seed * 17) % 150)));

/** Prompts that share 20 tokens; the last prompt has three sequences. */
function makeRequests(temperature: number): Request[] {
  const params = (seed: number) => ({
    params: { maxTokens: NUM_TOKENS, ignoreEos: true, temperature, seed: BigInt(seed) },
  });
  const requests = [21, 40, 70].map((length, i) =>
    makeRequest(`${i}`, promptOf(length, i), params(i)),
  );
  const source = requests[2] as Request;
  const forks = [3, 4].map((seed) =>
    makeRequest(`${seed}`, [...source.tokenIds()], { ...params(seed), forkOf: source }),
  );
  return [...requests, ...forks];
}

interface Run {
  readonly outputs: readonly string[];
  readonly numAccepted: number;
  readonly numDrafted: number;
  readonly faults: readonly StepResult["draftFault"][];
  readonly numPreemptions: number;
}

async function generate(
  runner: NativeModelRunner,
  { temperature = 0, drafts = NUM_DRAFTS, config = {} as Partial<SchedulerConfig> } = {},
): Promise<Run> {
  const scheduler = makeScheduler({ numBlocks: 64, maxNumSeqs: 8, maxModelLen: 512, ...config });
  const requests = makeRequests(temperature);
  for (const request of requests) scheduler.add(request);
  const proposer = new ModelProposer();
  const faults: StepResult["draftFault"][] = [];
  let [numAccepted, numDrafted] = [0, 0];
  while (scheduler.hasWork) {
    const plan = scheduler.schedule();
    const result = await runner.run(plan);
    if (result.draftFault !== undefined) faults.push(result.draftFault);
    for (const { request } of scheduler.update(plan, result)) {
      if (drafts > 0) request.draftTokenIds = proposer.propose(request, drafts);
    }
    const { specDecode } = scheduler.takeStats();
    numAccepted += specDecode?.numAcceptedTokens ?? 0;
    numDrafted += specDecode?.numDraftTokens ?? 0;
  }
  const outputs = requests.map((request) => request.tokenIds(request.numPromptTokens).join());
  const numPreemptions = requests.reduce((sum, request) => sum + request.numPreemptions, 0);
  return { outputs, numAccepted, numDrafted, faults, numPreemptions };
}

async function using<T>(runner: NativeModelRunner, work: (runner: NativeModelRunner) => T) {
  try {
    return await work(runner);
  } finally {
    await runner.dispose();
  }
}

const plainOutputs = (temperature: number) =>
  load("").then((runner) =>
    using(runner, async () => (await generate(runner, { temperature, drafts: 0 })).outputs),
  );

describe("a draft model with the same weights", () => {
  test("drafts exactly what the model generates greedily", async () => {
    const run = await using(await load(write()), (runner) => generate(runner));
    expect(run.outputs).toEqual(await plainOutputs(0));
    expect(run.numAccepted).toBe(run.numDrafted);
    expect(run.faults).toEqual([]);
  });

  test("can be the model's own file", async () => {
    const run = await using(await load(TARGET), (runner) => generate(runner));
    expect(run.numAccepted).toBe(run.numDrafted);
  });

  test("drafts the same with and without prompt chunks and cached prefixes", async () => {
    const configs = [
      { maxNumBatchedTokens: 16 },
      { maxNumBatchedTokens: 9 },
      { enablePrefixCaching: false },
      { blockSize: 16, maxNumSeqs: 2 },
    ];
    const plain = await plainOutputs(0);
    for (const config of configs) {
      const run = await using(await load(TARGET), (runner) => generate(runner, { config }));
      expect(run.outputs).toEqual(plain);
      expect(run.numDrafted).toBeGreaterThan(20);
      expect(run.numAccepted).toBe(run.numDrafted);
    }
  });

  test("drafts the same after preemptions", async () => {
    const config = { numBlocks: 16, maxModelLen: 240 };
    const run = await using(await load(TARGET), (runner) => generate(runner, { config }));
    expect(run.numPreemptions).toBeGreaterThan(0);
    expect(run.outputs).toEqual(await plainOutputs(0));
    expect(run.numAccepted).toBe(run.numDrafted);
  });

  test.each(["keep", "drop"] as const)("drafts the same after a sleep (%s)", async (weights) => {
    await using(await load(write()), async (runner) => {
      const before = runner.memory();
      await generate(runner);
      await runner.sleep(weights === "keep" ? 1 : 2);
      expect(runner.memory().kv).toBe(0);
      await runner.wakeWeights();
      await runner.wakeKvCache();
      expect(runner.memory()).toEqual(before);
      const run = await generate(runner);
      expect(run.outputs).toEqual(await plainOutputs(0));
      expect(run.numAccepted).toBe(run.numDrafted);
    });
  });
});

describe("a draft model with different weights", () => {
  const OTHER: readonly TinyGgufOptions[] = [
    { seed: 2, numLayers: 1 },
    { architecture: "qwen3", seed: 3, numKvHeads: 4, headSize: 32 },
    { seed: 4, embeddingLength: 32, weightType: "Q8_0" },
  ];

  test.each(OTHER)("never changes the output: %j", async (options) => {
    for (const temperature of [0, 1.2]) {
      const run = await using(await load(write(options)), (runner) =>
        generate(runner, { temperature }),
      );
      expect(run.outputs).toEqual(await plainOutputs(temperature));
      expect(run.numAccepted).toBeLessThan(run.numDrafted);
      expect(run.faults).toEqual([]);
    }
  });

  test("takes memory for its weights and its KV cache", async () => {
    const memoryOf = async (path: string) => using(await load(path), (runner) => runner.memory());
    const alone = await memoryOf("");
    const both = await memoryOf(TARGET);
    expect([both.weights, both.kv]).toEqual([2 * alone.weights, 2 * alone.kv]);
  });

  test("is not used again after a NaN, and the output does not change", async () => {
    const run = await using(await load(write({ nanTokenId: 35 })), (runner) => generate(runner));
    expect(run.outputs).toEqual(await plainOutputs(0));
    expect(run.faults).toEqual(["nan"]);
  });
});

/** Two sequences with a draft each, after 2 of 5 and 3 of 4 known tokens that the draft model has computed. */
function goodStep(): StepPacker {
  const packer = new StepPacker({ ...LIMITS, blockSize: 16 });
  const plan = planOf(
    [
      { request: makeRequest("a", [5, 6, 7, 8, 9]), blocks: [1], drafts: [MODEL_DRAFT] },
      { request: makeRequest("b", [5, 6, 7, 8]), blocks: [2], drafts: [MODEL_DRAFT] },
    ],
    16,
  );
  const scheduled = plan.scheduled.map((entry, i) => {
    const { numTokens } = entry.request;
    const numComputedTokens = numTokens - 1;
    const catchUp = { start: 2 + i, end: numComputedTokens };
    return { ...entry, numComputedTokens, numScheduledTokens: 2, catchUp };
  });
  packer.pack({ ...plan, scheduled, numScheduledTokens: 4 }, () => 0);
  return packer;
}

describe("a step with a draft model", () => {
  // biome-ignore format: one error per line reads as a table
  const FAULTS: [string, keyof StepBatch, number, number, string][] = [
    ["a sequence twice", "draftSeqs", 1, 0, "draftSeqs[1]"],
    ["an unknown sequence", "draftSeqs", 1, 2, "draftSeqs[1]"],
    ["a sequence without drafts", "tokens", 3, 7, "expectedTokens[2]"],
    ["a known token after a draft", "tokens", 2, -2, "tokens[2]"],
    ["a gap before the drafts", "catchUpPositions", 0, 1, "catchUpPositions[0]"],
    ["a negative position", "catchUpPositions", 1, -1, "catchUpPositions[1]"],
    ["decreasing starts", "catchUpStart", 1, 4, "catchUpStart[1]"],
    ["a negative end", "catchUpStart", 2, -1, "catchUpStart"],
    ["a first start that is not 0", "catchUpStart", 0, 1, "catchUpStart[0]"],
    ["an unknown token", "catchUpTokens", 0, 1_000_000, "catchUpTokens[0]"],
    ["an expected draft at a known token", "expectedTokens", 1, -2, "expectedTokens[1]"],
  ];

  test("replaces the drafts with predictions and refuses invalid arrays", async () => {
    const model = await (await loadAddon()).loadModel(
      loadOptions(TARGET, { draftPath: TARGET }),
      () => {},
    );
    const { batch, output } = goodStep();
    await model.step(batch, output);
    expect(output.draftFault[0]).toBe(0);
    for (const [name, field, index, value, place] of FAULTS) {
      const broken = goodStep();
      (broken.batch[field] as Int32Array)[index] = value;
      const message = expect.stringContaining(place);
      expect(model.step(broken.batch, broken.output), name).rejects.toMatchObject({
        ...{ code: "invalid_argument", message },
      });
    }
    await model.dispose();
  });
});

describe("a draft model is refused", () => {
  const HOST = { availableBytes: null, onLoadProgress: () => {}, log: () => {} };
  const start = (draft: string) =>
    startEngine(
      {
        ...fakeConfig(),
        modelPath: TARGET,
        speculation: {
          ...{ method: "draft_model", model: draft, revision: null },
          ...{ numSpeculativeTokens: 4, disableByBatchSize: null },
        },
      },
      HOST,
    );

  test.each<[string, () => string, string, RegExp]>([
    [
      "if its file is missing",
      () => join(folder.path, "missing.gguf"),
      "model_not_found",
      /^--speculative-config\.model: cannot open .*missing\.gguf: No such file or directory$/,
    ],
    [
      "with a different type of tokenizer",
      () => write({ tokenizer: "bpe" }),
      "model_unsupported",
      /draft-\d+\.gguf cannot draft for this model: its tokenizer is of type gpt2, not llama$/,
    ],
    [
      "if it adds no BOS token",
      () => write({ addBos: false }),
      "model_unsupported",
      /cannot draft for this model: its add_bos_token is 0, not 1$/,
    ],
    [
      "with an unsupported architecture",
      () => write({ fault: "unknown-architecture" }),
      "model_unsupported",
      /^--speculative-config\.model: .*architecture/,
    ],
  ])("%s", async (_, path, code, message) => {
    const error = await start(path()).then(
      () => null,
      (reason) => reason,
    );
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });
});
