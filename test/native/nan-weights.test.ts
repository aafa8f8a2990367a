// A head with NaN weights: no row is sampled, not even one whose grammar does not allow the broken token, and
// other rows in the step make no difference.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { GrammarProbe } from "../support/grammar-probe.ts";

const BROKEN = "z".charCodeAt(0);

let probe: GrammarProbe;
beforeAll(async () => {
  probe = await GrammarProbe.load("bpe", { weightType: "Q8_0", nanLogitId: BROKEN });
});
afterAll(() => probe?.remove());

test.each([1, 2])("every row with a grammar fails in a step with %d rows", async (numRows) => {
  const grammar = await probe.compileUnforced("regex", "[0-9]{4}");
  const rows = Array.from({ length: numRows }, () => ({
    sampler: probe.createSampler({ grammar }),
  }));
  const results = await probe.sample(rows);
  expect(results.map(({ hasNan, isRefused }) => [hasNan, isRefused])).toEqual(
    rows.map(() => [true, true]),
  );
});

test.each([1, 2])("every row without a grammar fails in a step with %d rows", async (numRows) => {
  const results = await probe.sample(Array.from({ length: numRows }, () => ({})));
  expect(results.map(({ hasNan }) => hasNan)).toEqual(Array(numRows).fill(true));
});
