// Random schemas and seeds: every output parses and is valid, or was cut off at its maximum length.

import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { checkOutput, type Outcomes, randomSchema } from "../support/random-schema.ts";
import { startRealApp } from "../support/real-app.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

const NUM_CASES = 2000;
/** Number of concurrent requests. */
const WIDTH = 20;

const folder = tempFolder();
const model = join(folder.path, "tiny.gguf");
writeTinyGguf(model, { tokenizer: "bpe" });
const app = await startRealApp(model, ["--max-model-len=256"]);

afterAll(async () => {
  await app.shutdown();
  folder.remove();
});

test(`${NUM_CASES} outputs conform to their schemas`, async () => {
  const outcomes: Outcomes = { numStopped: 0, numCut: 0, numRefused: 0 };
  const cases = fc.array(fc.tuple(randomSchema, fc.integer()), {
    minLength: WIDTH,
    maxLength: WIDTH,
  });
  await fc.assert(
    fc.asyncProperty(cases, async (all) => {
      const fields = { max_tokens: 120, top_k: 40 };
      await Promise.all(
        all.map(([schema, seed]) => checkOutput(app, schema, { ...fields, seed }, outcomes)),
      );
    }),
    { numRuns: NUM_CASES / WIDTH, endOnFailure: true },
  );
  expect(outcomes.numStopped).toBeGreaterThan(NUM_CASES / 2);
  expect(outcomes.numRefused).toBeLessThan(NUM_CASES / 4);
}, 300_000);
