// Invalid input to a step: every array and every count, one error at a time. An invalid step
// computes nothing, and the next valid step works.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { loadAddon } from "../../src/runner/addon.ts";
import type { NativeError, NativeModel, StepBatch } from "../../src/runner/addon-types.ts";
import { StepPacker } from "../../src/runner/step-batch.ts";
import { planOf } from "../support/drive.ts";
import { makeRequest } from "../support/make-request.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { loadOptions, tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
const LIMITS = { blockSize: 16, maxNumSeqs: 8, maxNumBatchedTokens: 256, maxModelLen: 512 };
let model: NativeModel;

beforeAll(async () => {
  const path = join(folder.path, "tiny.gguf");
  writeTinyGguf(path);
  model = await (await loadAddon()).loadModel(loadOptions(path), () => {});
});
afterAll(async () => {
  await model.dispose();
  folder.remove();
});

/** Two sequences: 20 tokens in blocks 1 and 2, 5 tokens in block 3. */
function goodStep(): StepPacker {
  const packer = new StepPacker(LIMITS);
  const parts = [
    { request: makeRequest("a", 20), blocks: [1, 2] },
    { request: makeRequest("b", 5), blocks: [3] },
  ];
  packer.pack(planOf(parts, 16), () => 0);
  return packer;
}

/** Name of the case, field, index (null: the field itself), value, and the place that the error names. */
type Fault = [
  name: string,
  field: keyof StepBatch,
  index: number | null,
  value: unknown,
  place: string,
];

// biome-ignore format: one error per line reads as a table
const FAULTS: Fault[] = [
  ["a token beyond the vocabulary", "tokens", 3, 1_000_000, "tokens[3]"],
  ["a negative token", "tokens", 0, -1, "tokens[0]"],
  ["a negative position", "positions", 0, -1, "positions[0]"],
  ["a gap in the positions", "positions", 4, 9, "positions[4]"],
  ["a position far beyond the table", "positions", 0, 1_000_000_000, "positions[0]"],
  ["a slot outside the block table", "slotMapping", 2, 900, "slotMapping[2]"],
  ["a slot of another sequence", "slotMapping", 0, 48, "slotMapping[0]"],
  ["the null block", "blockIds", 0, 0, "blockIds[0]"],
  ["a block beyond the pool", "blockIds", 1, 64, "blockIds[1]"],
  ["a table that is too short", "blockTableStart", 1, 1, "blockTableStart"],
  ["tables that do not span the block ids", "blockTableStart", 2, 2, "blockTableStart"],
  ["a negative table end", "blockTableStart", 2, -5, "blockTableStart"],
  ["sequences that do not span the tokens", "queryStart", 2, 24, "queryStart"],
  ["a decreasing start", "queryStart", 1, 26, "queryStart[1]"],
  ["an empty sequence", "queryStart", 1, 0, "queryStart[1]"],
  ["a wrong length", "seqLens", 0, 21, "seqLens[0]"],
  ["a length below the step's tokens", "seqLens", 0, -2_147_483_648, "seqLens[0]"],
  ["a row beyond the tokens", "outputRows", 1, 25, "outputRows[1]"],
  ["decreasing rows", "outputRows", 1, 3, "outputRows[1]"],
  ["a NaN temperature", "temperature", 0, Number.NaN, "temperature[0]"],
  ["an infinite temperature", "temperature", 0, Infinity, "temperature[0]"],
  ["top-p of zero", "topP", 1, 0, "topP[1]"],
  ["min-p above one", "minP", 0, 1.5, "minP[0]"],
  ["a NaN penalty", "presencePenalty", 0, Number.NaN, "presencePenalty[0]"],
  ["a repetition penalty of zero", "repetitionPenalty", 0, 0, "repetitionPenalty[0]"],
  ["more logprobs than tokens", "numLogprobs", 0, 299, "numLogprobs[0]"],
  ["a negative number of logprobs", "numLogprobs", 0, -2, "numLogprobs[0]"],
  ["a target beyond the vocabulary", "targetTokens", 0, 1_000_000, "targetTokens[0]"],
  ["a draft beyond the vocabulary", "expectedTokens", 0, 1_000_000, "expectedTokens[0]"],
  ["a draft after the last row", "expectedTokens", 1, 5, "expectedTokens[1]"],
  ["a draft that is not at the next row", "expectedTokens", 0, 5, "expectedTokens[0]"],
  ["a draft of the draft model, of which there is none", "tokens", 19, -2, "draftSeqs[0]"],
  ["a sequence for the draft model, of which there is none", "numDraftSeqs", null, 1, "draftSeqs[0]"],
  ["an unknown sampler", "sampler", 0, 77, "sampler[0]"],
  ["no tokens", "numTokens", null, 0, "tokens[0]"],
  ["no sequences", "numSeqs", null, 0, "seqLens[0]"],
  ["more tokens than the array holds", "numTokens", null, 257, "tokens"],
  ["a fractional count", "numSeqs", null, 1.5, "numSeqs"],
  ["a negative count", "numOutputs", null, -1, "numOutputs"],
  ["a copy of the null block", "numBlockCopies", null, 1, "blockCopies[0]"],
  ["an array of another type", "tokens", null, new Float32Array(256), "tokens"],
  ["a missing array", "minP", null, undefined, "minP"],
];

function broken(batch: StepBatch, field: keyof StepBatch, index: number | null, value: unknown) {
  if (index === null) return { ...batch, [field]: value } as StepBatch;
  (batch[field] as Int32Array)[index] = Number(value);
  return batch;
}

describe("step", () => {
  test.each(FAULTS)("refuses %s", async (_name, field, index, value, place) => {
    const { batch, output } = goodStep();
    const error = await model.step(broken(batch, field, index, value), output).then(
      () => null,
      (reason: NativeError) => reason,
    );
    expect(error?.code).toBe("invalid_argument");
    expect(error?.message).toContain(place);
  });

  test("refuses the largest position with a length that wraps around", async () => {
    const packer = new StepPacker(LIMITS);
    packer.pack(planOf([{ request: makeRequest("a", 1), blocks: [1] }], 16), () => 0);
    packer.batch.positions[0] = 2_147_483_647;
    packer.batch.seqLens[0] = -2_147_483_648;
    await expect(model.step(packer.batch, packer.output)).rejects.toMatchObject({
      code: "invalid_argument",
      message: "seqLens[0]: less than the number of the sequence's tokens in this step",
    });
  });

  test("refuses an output that is too small", async () => {
    const { batch, output } = goodStep();
    batch.numLogprobs.set([0, 21]);
    for (const small of [
      { ...output, topIds: new Int32Array(20) },
      { ...output, topLogprobs: new Float32Array(20) },
      { ...output, ranks: new Int32Array(1) },
    ]) {
      await expect(model.step(batch, small)).rejects.toMatchObject({ code: "invalid_argument" });
    }
    await model.step(batch, { ...output, topIds: new Int32Array(21) });
  });

  test("computes a valid step afterward and refuses a concurrent one as busy", async () => {
    const { batch, output } = goodStep();
    const running = model.step(batch, output);
    await expect(model.step(batch, output)).rejects.toMatchObject({ code: "busy" });
    await running;
    expect(output.tokenIds[0]).toBeGreaterThanOrEqual(0);
    expect(output.timings[0]).toBeGreaterThan(0);
  });
});

describe("other arguments", () => {
  test("samplers check their ids", () => {
    const init = {
      vocabSize: 0,
      promptTokenIds: new Int32Array(0),
      outputTokenIds: new Int32Array(0),
      logitBiasIds: Int32Array.of(1),
      logitBiasValues: new Float32Array(0),
      allowedTokenIds: new Int32Array(0),
      endTokenIds: new Int32Array(0),
      badWordIds: new Int32Array(0),
      badWordStarts: Int32Array.of(0),
      grammar: 0,
      isGrammarOptional: false,
    };
    expect(() => model.createSampler(init)).toThrow("differ in length");
    const bad = { ...init, logitBiasValues: Float32Array.of(1), endTokenIds: Int32Array.of(-4) };
    expect(() => model.createSampler(bad)).toThrow("no such token: -4");
    expect(() => model.freeSampler(99)).toThrow("no such sampler");
  });

  test("text functions check their arguments", () => {
    expect(() => model.tokenize(5 as never, true, true)).toThrow("must be a string");
    expect(() => model.tokenize("x", 1 as never, true)).toThrow("must be a boolean");
    expect(() => model.detokenize([1] as never, true)).toThrow("typed array");
    expect(() => model.detokenize(Int32Array.of(-1), true)).toThrow("no such token: -1");
  });
});
