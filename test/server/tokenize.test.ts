// Token strings from /tokenize.

import { expect, spyOn, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";

function tokenize(prompt: string) {
  const { engine, post } = makeApp();
  const tokenEntries = spyOn(engine.calls, "tokenEntries");
  const body = { prompt, add_special_tokens: false, return_token_strs: true };
  const answer = post("/tokenize", body).then((response) => response.json());
  return { tokenEntries, answer: answer as Promise<{ tokens: unknown; token_strs: unknown }> };
}

test("token_strs has an entry for each token, decoded by the engine in one call", async () => {
  const { tokenEntries, answer } = tokenize("abab");
  const { tokens, token_strs } = await answer;
  expect([tokens, token_strs]).toEqual([
    [97, 98, 97, 98],
    ["<0x61>", "<0x62>", "<0x61>", "<0x62>"],
  ]);
  expect(tokenEntries.mock.calls).toEqual([[Int32Array.of(97, 98)]]);
});

test("token_strs is empty if there are no tokens", async () => {
  const { tokens, token_strs } = await tokenize("").answer;
  expect([tokens, token_strs]).toEqual([[], []]);
});
