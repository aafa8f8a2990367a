// Log-probabilities as the API shows them: offsets in characters, bytes exact, numbers that JSON has.

import { describe, expect, test } from "bun:test";
import { chatLogprobs, completionLogprobs, promptLogprobs } from "../../src/server/logprobs.ts";

const entry = (text: string, logprob = -1) => ({
  tokenId: text.length,
  logprob,
  rank: 1,
  bytes: new TextEncoder().encode(text),
});

const alone = (text: string, logprob?: number) => ({ chosen: entry(text, logprob), top: [] });

describe("logprobs", () => {
  test("offsets count characters, not UTF-16 units", () => {
    const { text_offset } = completionLogprobs([alone("\u{1f600}"), alone("a")], false, 5);
    expect(text_offset).toEqual([5, 6]);
  });

  test("the chosen token is listed even when it is not among the likeliest", () => {
    const position = { chosen: entry("b", -3), top: [entry("a", -1)] };
    expect(completionLogprobs([position], false, 0).top_logprobs).toEqual([{ a: -1, b: -3 }]);
    expect(promptLogprobs([position])).toEqual([
      null,
      { "1": { logprob: -3, rank: 1, decoded_token: "b" } },
    ]);
  });

  test("an impossible token is at -9999, since JSON has no infinity", () => {
    const positions = [alone("a", Number.NEGATIVE_INFINITY)];
    expect(completionLogprobs(positions, false, 0).token_logprobs).toEqual([-9999]);
    expect(chatLogprobs(positions, false).content[0]?.logprob).toBe(-9999);
  });

  test("no positions are empty lists", () => {
    expect(completionLogprobs([], false, 0)).toEqual({
      text_offset: [],
      token_logprobs: [],
      tokens: [],
      top_logprobs: [],
    });
    expect(promptLogprobs(null)).toBeNull();
  });
});
