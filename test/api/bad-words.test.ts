// Token sequences for bad words, and outputs that contain no bad words.

import { describe, expect, test } from "bun:test";
import { badWordIds } from "../../src/api/bad-words.ts";
import { makeApp, makeContext, makeEngine } from "../support/fake-engine.ts";

const context = makeContext(makeEngine().engine);
const bytes = (text: string) => [...Buffer.from(text)];

describe("badWordIds()", () => {
  test("tokenizes a word as if it began the text, without a leading space", async () => {
    expect(await badWordIds(context, { bad_words: ["ab", " ab"] })).toEqual([
      bytes("ab"),
      bytes("ab"),
    ]);
  });

  test("adds the spelling after a space if it has as many tokens", async () => {
    const { calls } = context.front;
    // A vocabulary in which a space is part of the word's first token, as in most vocabularies.
    const encode = async (text: string) =>
      Int32Array.from(text === "two" ? [7, 8] : text === " two" ? [9, 8] : bytes(text));
    const front = Object.create(context.front, { calls: { value: { ...calls, encode } } });
    expect(await badWordIds({ ...context, front }, { bad_words: ["two"] })).toEqual([
      [7, 8],
      [9, 8],
    ]);
  });

  test("tokenizes a repeated word once", async () => {
    expect(await badWordIds(context, { bad_words: ["a", "a"] })).toEqual([bytes("a")]);
  });

  test("returns nothing if there are no words", async () => {
    expect(await badWordIds(context, { bad_words: [] })).toEqual([]);
  });
});

describe("outputs", () => {
  const { post } = makeApp({ model: { alphabet: "abc" } });
  const answer = async (path: string, bad_words: readonly string[]) => {
    const prompt = { prompt: "x", messages: [{ role: "user", content: "x" }] };
    const response = await post(path, { ...prompt, max_tokens: 40, temperature: 0, bad_words });
    const { choices } = (await response.json()) as {
      choices: { text?: string; message?: { content: string } }[];
    };
    return choices[0]?.text ?? choices[0]?.message?.content;
  };

  test.each(["/v1/completions", "/v1/chat/completions"])(
    "from %s contain no bad words",
    async (path) => {
      expect(await answer(path, ["a", "b"])).toBe("c".repeat(40));
      const pair = (await answer(path, []))?.slice(0, 2) ?? "";
      expect(await answer(path, [pair])).not.toContain(pair);
    },
  );
});
