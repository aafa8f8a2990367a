// vLLM's families for speculative decoding.

import { expect, test } from "bun:test";
import { IDLE, INFO, makeMetrics, seriesValue } from "./fixtures.ts";

const PER_POS = "spec_decode_num_accepted_tokens_per_pos_total";

const valuesOf = (text: string) => [
  seriesValue(text, "spec_decode_num_drafts_total"),
  seriesValue(text, "spec_decode_num_draft_tokens_total"),
  seriesValue(text, "spec_decode_num_accepted_tokens_total"),
  ...["0", "1", "2", "3"].map((place) => seriesValue(text, PER_POS, `position="${place}"`)),
];

test("without speculative decoding, there are no draft metrics", async () => {
  expect(await makeMetrics().text()).not.toContain("spec_decode");
});

test("every draft position starts at 0 and then counts", async () => {
  const metrics = makeMetrics({ info: { ...INFO, numSpeculativeTokens: 3 } });
  expect(valuesOf(await metrics.text())).toEqual([0, 0, 0, 0, 0, 0, Number.NaN]);
  const specDecode = { numDrafts: 2, numDraftTokens: 6, numAcceptedTokens: 3 };
  for (const acceptedPerPos of [
    [2, 1],
    [1, 1, 1],
  ]) {
    metrics.record({ ...IDLE, specDecode: { ...specDecode, acceptedPerPos } }, null);
  }
  metrics.record(IDLE, null);
  expect(valuesOf(await metrics.text())).toEqual([4, 12, 6, 3, 2, 1, Number.NaN]);
});

test("with statistics off, there are no draft metrics", async () => {
  const info = { ...INFO, numSpeculativeTokens: 3 };
  expect(await makeMetrics({ info, features: new Set() }).text()).not.toContain("spec_decode");
});
