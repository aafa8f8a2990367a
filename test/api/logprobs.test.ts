// Logprobs in API responses: offsets in characters, exact bytes, and only numbers that JSON can represent.

import { describe, expect, test } from "bun:test";
import { chatLogprobs, completionLogprobs, promptLogprobs } from "../../src/api/logprobs.ts";
import { writeJson } from "../../src/json.ts";

const entry = (text: string, logprob = -1) => ({
  tokenId: text.length,
  logprob,
  rank: 1,
  bytes: new TextEncoder().encode(text),
});

const alone = (text: string, logprob?: number) => ({ chosen: entry(text, logprob), top: [] });

describe("logprobs", () => {
  test("have offsets in characters, not UTF-16 units", () => {
    const { text_offset } = completionLogprobs([alone("\u{1f600}"), alone("a")], false, 5);
    expect(text_offset).toEqual([5, 6]);
  });

  const token = (tokenId: number, logprob: number, rank: number) => ({
    ...{ tokenId, logprob, rank },
    bytes: new TextEncoder().encode(String(tokenId)),
  });
  /** Tokens whose text is a number: as keys, a JavaScript object would reorder them. */
  const LIKELY = { chosen: token(7, -2, 2), top: [token(9, -1, 1), token(7, -2, 2)] };
  const UNLIKELY = { chosen: token(7, -5, 40), top: [token(9, -1, 1), token(3, -2, 2)] };

  test("list the sampled token first, then the most likely tokens", () => {
    const tops = (asked: typeof LIKELY) =>
      chatLogprobs([asked], false).content[0]?.top_logprobs.map((top) => top.token);
    expect(tops(LIKELY)).toEqual(["7", "9"]);
    expect(tops(UNLIKELY)).toEqual(["7", "9"]);
    const { top_logprobs } = completionLogprobs([LIKELY, UNLIKELY], false, 0);
    expect(writeJson(top_logprobs)).toBe('[{"7":-2,"9":-1},{"7":-5,"9":-1,"3":-2}]');
    expect(writeJson(promptLogprobs([UNLIKELY]))).toBe(
      '[null,{"7":{"logprob":-5,"rank":40,"decoded_token":"7"},' +
        '"9":{"logprob":-1,"rank":1,"decoded_token":"9"},' +
        '"3":{"logprob":-2,"rank":2,"decoded_token":"3"}}]',
    );
  });

  test("list no top tokens in chats, and only the sampled token in completions, if none are requested", () => {
    const position = { chosen: token(7, -5, 40), top: [] };
    expect(chatLogprobs([position], false).content[0]?.top_logprobs).toEqual([]);
    expect(writeJson(completionLogprobs([position], false, 0).top_logprobs)).toBe('[{"7":-5}]');
  });

  test("list only the sampled token if several tokens have the same text", () => {
    const half = (byte: number, logprob: number) => ({
      ...token(byte, logprob, 1),
      bytes: Uint8Array.of(byte),
    });
    const position = { chosen: half(0xc3, -1), top: [half(0xc3, -1), half(0xa9, -4)] };
    expect(writeJson(completionLogprobs([position], false, 0).top_logprobs)).toBe(
      '[{"\ufffd":-1}]',
    );
  });

  test("treat a byte order mark like any other character", () => {
    expect(completionLogprobs([alone("\ufeff")], false, 0).tokens).toEqual(["\ufeff"]);
  });

  test("report an impossible token as -9999, since JSON has no infinity", () => {
    const positions = [alone("a", Number.NEGATIVE_INFINITY)];
    expect(completionLogprobs(positions, false, 0).token_logprobs).toEqual([-9999]);
    expect(chatLogprobs(positions, false).content[0]?.logprob).toBe(-9999);
  });

  test("are empty lists if there are no positions", () => {
    expect(completionLogprobs([], false, 0)).toEqual({
      text_offset: [],
      token_logprobs: [],
      tokens: [],
      top_logprobs: [],
    });
    expect(promptLogprobs(null)).toBeNull();
  });
});
