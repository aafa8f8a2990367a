// Drafts from the output that a client expects.

import { expect, test } from "bun:test";
import { NgramProposer } from "../../src/speculation/ngram-proposer.ts";
import { PredictionProposer } from "../../src/speculation/prediction-proposer.ts";
import { makeRequest } from "../support/make-request.ts";

const ids = (text: string) => [...Buffer.from(text)];

/** @returns the proposal of at most 4 tokens after an output, one token per character */
function proposal(prediction: string | null, prompt: string, output: string): string {
  const ngram = new NgramProposer({ promptLookupMin: 2, promptLookupMax: 4 });
  const predictionTokenIds = prediction === null ? null : Int32Array.from(ids(prediction));
  const request = makeRequest("a", ids(prompt), { predictionTokenIds });
  for (const id of ids(output)) request.appendOutputToken(id);
  return Buffer.from(new PredictionProposer(ngram).propose(request, 4)).toString();
}

test.each([
  ["the start, after one token", "abcdefgh", "?", "a", "bcde"],
  ["the start, after two tokens", "abcdefgh", "?", "ab", "cdef"],
  ["a later passage", "abcdefgh", "?", "xcde", "fgh"],
  ["the passage with the longest match", "1abcX2abcY", "?", "1abc", "X2ab"],
  ["the first of several identical passages", "1abcX2abcY", "?", "-abc", "X2ab"],
  ["the prediction before the prompt", "abcdefgh", "abcXYZ?", "abc", "defg"],
  ["the prompt, past the end of the prediction", "abcd", "bcdXYZ?", "bcd", "XYZ?"],
  ["the prompt, where the output differs", "abcdefgh", "qrsT?", "aqrs", "T?aq"],
  ["the prompt, without a prediction", null, "qrsT?", "qrs", "T?qr"],
  ["nothing after a wrong start", "abcdefgh", "?", "b", ""],
  ["nothing from an empty prediction", "", "?", "b", ""],
])("proposes %s", (_, prediction, prompt, output, expected) => {
  expect(proposal(prediction, prompt, output)).toBe(expected);
});
