// Every token that the addon samples, compared with a naive sampler over the same logits: rows of
// all shapes, all combinations of cuts, and vocabulary sizes that are and are not multiples of the
// vector block.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import type { NativeModel } from "../../src/runner/addon-types.ts";
import { logitRows, SHAPE_NAMES } from "../support/logit-rows.ts";
import { writeLogitsModel } from "../support/logits-model.ts";
import { drawer, kept, ranked, uniform } from "../support/naive-sampler.ts";
import { loadTestModel, NativeStep, type StepRow } from "../support/native-step.ts";
import { emptyInit } from "../support/sampled-row.ts";
import { tempFolder } from "../support/tiny-model.ts";

/** With and without a partial block at the end; at 12,288 or more, top-p estimates its cut from a sample. */
const VOCAB_SIZES = [320, 1003, 6000, 13_001];
const NUM_DRAWS = 200;

interface Fixture {
  readonly model: NativeModel;
  readonly step: NativeStep;
  readonly rows: readonly Float32Array[];
}

const folder = tempFolder();
const fixtures = new Map<number, Fixture>();

beforeAll(async () => {
  for (const vocabSize of VOCAB_SIZES) {
    const path = join(folder.path, `${vocabSize}.gguf`);
    const rows = logitRows(vocabSize, vocabSize);
    writeLogitsModel(path, rows);
    const model = await loadTestModel(path);
    fixtures.set(vocabSize, { model, step: new NativeStep(model), rows });
  }
});

afterAll(async () => {
  for (const { model } of fixtures.values()) await model.dispose();
  folder.remove();
});

function fixtureOf(vocabSize: number): Fixture {
  const fixture = fixtures.get(vocabSize);
  if (fixture === undefined) throw new Error("no such fixture");
  return fixture;
}

const sample = (fixture: Fixture, token: number, rows: readonly StepRow[]) =>
  fixture.step.run([{ tokenIds: [token], blockIds: [1], rows }]);

const cuts = fc.record({
  vocabSize: fc.constantFrom(...VOCAB_SIZES),
  shape: fc.nat({ max: SHAPE_NAMES.length - 1 }),
  temperature: fc.constantFrom(0.005, 0.3, 1, 1, 2.5, 40),
  topK: fc.constantFrom(0, 0, -1, 1, 2, 5, 40, 63, 64, 65, 200, 319, 320, 1002, 1003, 100_000),
  topP: fc.oneof(
    fc.constantFrom(1, 1, 0.95, 0.5, 1e-6, 0.99999),
    fc.double({ min: 0.01, max: 1, noNaN: true }),
  ),
  minP: fc.oneof(
    fc.constantFrom(0, 0, 0, 1e-9, 0.05, 1),
    fc.double({ min: 0, max: 1, noNaN: true }),
  ),
  seed: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
});

/** Compares draws from a row with the naive sampler's. */
async function expectNaive(fixture: Fixture, shape: number, logits: Float32Array, row: StepRow) {
  const entries = kept(logits, row);
  fc.pre(entries !== null);
  const rows = Array.from({ length: NUM_DRAWS }, (_, outputIndex) => ({ ...row, outputIndex }));
  const results = await sample(fixture, shape, rows);
  const drawn = drawer(entries ?? []);
  const wrong = results.flatMap(({ tokenId }, i) => {
    const right = drawn(uniform(row.seed ?? 0n, i));
    return right.includes(tokenId) ? [] : [{ index: i, tokenId, right }];
  });
  expect(wrong).toEqual([]);
}

describe("sampling", () => {
  test("draws the same tokens as from a sorted row, cut by top-k, min-p and top-p", async () => {
    await fc.assert(
      fc.asyncProperty(cuts, async ({ vocabSize, shape, ...row }) => {
        const fixture = fixtureOf(vocabSize);
        const logits = fixture.rows[shape] ?? new Float32Array(0);
        await expectNaive(fixture, shape, logits, row);
      }),
      { numRuns: 250 },
    );
  }, 60_000);

  test("draws the same tokens after a bias that removes most tokens", async () => {
    await fc.assert(
      fc.asyncProperty(cuts, fc.nat({ max: 5 }), async ({ vocabSize, shape, ...row }, left) => {
        const fixture = fixtureOf(vocabSize);
        const spared = new Set(Array.from({ length: left + 1 }, (_, i) => (i * 71) % vocabSize));
        const ids = Array.from({ length: vocabSize }, (_, id) => id).filter(
          (id) => !spared.has(id),
        );
        const logits = (fixture.rows[shape] ?? new Float32Array(0)).slice();
        for (const id of ids) logits[id] = Number.NEGATIVE_INFINITY;
        const sampler = fixture.model.createSampler({
          ...emptyInit(vocabSize),
          logitBiasIds: Int32Array.from(ids),
          logitBiasValues: new Float32Array(ids.length).fill(Number.NEGATIVE_INFINITY),
        });
        await expectNaive(fixture, shape, logits, { ...row, sampler });
        fixture.model.freeSampler(sampler);
      }),
      { numRuns: 100 },
    );
  }, 60_000);

  test("draws the same tokens after penalties for seen tokens", async () => {
    const tokens = fc.array(fc.nat({ max: 319 }), { maxLength: 40 });
    const penalties = fc.record({
      repetitionPenalty: fc.constantFrom(1, 1, 0.5, 1.25, 2),
      frequencyPenalty: fc.constantFrom(0, 0, 0.5, -1.5),
      presencePenalty: fc.constantFrom(0, 0, 2, -0.25),
    });
    await fc.assert(
      fc.asyncProperty(cuts, tokens, tokens, penalties, async (cut, prompt, output, penalty) => {
        const { vocabSize, shape, ...row } = cut;
        const fixture = fixtureOf(vocabSize);
        const raw = fixture.rows[shape] ?? new Float32Array(0);
        const logits = penalized(raw, prompt, output, penalty);
        const init = {
          ...emptyInit(vocabSize),
          promptTokenIds: Int32Array.from(prompt),
          outputTokenIds: Int32Array.from(output),
        };
        // A state counts its samples, so each draw needs its own state.
        const entries = kept(logits, row);
        fc.pre(entries !== null);
        const samplers = Array.from({ length: 20 }, () => fixture.model.createSampler(init));
        const rows = samplers.map((sampler, outputIndex) => ({
          ...row,
          ...penalty,
          sampler,
          outputIndex,
        }));
        const results = await sample(fixture, shape, rows);
        for (const sampler of samplers) fixture.model.freeSampler(sampler);
        const drawn = drawer(entries ?? []);
        for (const [i, { tokenId }] of results.entries()) {
          expect(drawn(uniform(row.seed, i))).toContain(tokenId);
        }
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  test("takes the first of the most likely tokens at temperature 0", async () => {
    for (const fixture of fixtures.values()) {
      for (const [shape, logits] of fixture.rows.entries()) {
        const [result] = await sample(fixture, shape, [{}]);
        expect(result?.tokenId).toBe(logits.indexOf(logits.reduce((a, b) => Math.max(a, b))));
      }
    }
  });
});

describe("ties", () => {
  /** Ids that are ever drawn from 320 equal logits. */
  async function drawnOf(row: StepRow): Promise<Set<number>> {
    const fixture = fixtureOf(320);
    const rows = Array.from({ length: 500 }, (_, i) => ({
      temperature: 1,
      ...row,
      outputIndex: i,
    }));
    const results = await sample(fixture, SHAPE_NAMES.indexOf("equal"), rows);
    return new Set(results.map((result) => result.tokenId));
  }

  const first = (n: number) => new Set(Array.from({ length: n }, (_, id) => id));

  test("at the cutoff of top-k are kept in order of ID, lowest first", async () => {
    expect(await drawnOf({ topK: 7 })).toEqual(first(7));
  });

  test("at the cutoff of top-p are kept in order of ID, lowest first", async () => {
    expect(await drawnOf({ topP: 6.5 / 320 })).toEqual(first(7));
  });

  test("for the most likely token are all kept by a min-p of 1", async () => {
    const all = await drawnOf({ minP: 1 });
    expect(all.size).toBeGreaterThan(200);
  });
});

describe("logprobs", () => {
  test("match those of a sorted row, with the same IDs and ranks, and ties in order of ID", async () => {
    const cases = fc.record({
      vocabSize: fc.constantFrom(...VOCAB_SIZES),
      shape: fc.nat({ max: SHAPE_NAMES.length - 1 }),
      target: fc.nat({ max: 319 }),
      asked: fc.oneof(fc.nat({ max: 20 }), fc.constantFrom(33, 319, Number.POSITIVE_INFINITY)),
    });
    await fc.assert(
      fc.asyncProperty(cuts, cases, async (row, { vocabSize, shape, target, asked }) => {
        const fixture = fixtureOf(vocabSize);
        const numLogprobs = Math.min(asked, vocabSize);
        const logits = fixture.rows[shape] ?? new Float32Array(0);
        const { temperature, topP, seed } = row;
        const [scored, sampled] = await sample(fixture, shape, [
          { target, numLogprobs },
          { temperature, topP, seed, numLogprobs },
        ]);
        const order = ranked(logits, 1);
        const top = order.slice(0, numLogprobs).map((entry) => entry.id);
        const mass = order.reduce((sum, entry) => sum + entry.weight, 0);
        const max = order[0]?.logit ?? 0;
        for (const result of [scored, sampled]) {
          expect(result?.top.map((entry) => entry.tokenId)).toEqual(top);
          const logit = logits[result?.tokenId ?? 0] ?? 0;
          expect(result?.rank).toBe(1 + logits.filter((other) => other > logit).length);
          const exact = Math.max(-9999, logit - max - Math.log(mass));
          const precision = Math.max(1e-5, Math.abs(max) * 2e-7);
          expect(Math.abs((result?.logprob ?? 99) - exact)).toBeLessThan(precision);
        }
      }),
      { numRuns: 200 },
    );
  }, 60_000);
});

interface Penalties {
  readonly repetitionPenalty: number;
  readonly frequencyPenalty: number;
  readonly presencePenalty: number;
}

/** Penalized logits, rounded to float32 as in the addon. */
function penalized(
  raw: Float32Array,
  prompt: readonly number[],
  output: readonly number[],
  { repetitionPenalty, frequencyPenalty, presencePenalty }: Penalties,
): Float32Array {
  const logits = raw.slice();
  for (const id of new Set([...prompt, ...output])) {
    const logit = logits[id] ?? 0;
    logits[id] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
  }
  for (const id of new Set(output)) {
    const count = output.filter((other) => other === id).length;
    const penalty = Math.fround(frequencyPenalty * count + presencePenalty);
    logits[id] = (logits[id] ?? 0) - penalty;
  }
  return logits;
}
