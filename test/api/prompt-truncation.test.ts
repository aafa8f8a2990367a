// Prompts truncated to `truncate_prompt_tokens`. The fake model has one token per byte, and its BOS is 256.

import { describe, expect, test } from "bun:test";
import { truncatedIds } from "../../src/api/prompt-truncation.ts";
import { makeApp } from "../support/fake-engine.ts";

const { post } = makeApp({ scheduler: { maxModelLen: 64 } });

async function promptOf(path: string, body: object): Promise<number[]> {
  const response = await post(path, { return_token_ids: true, max_tokens: 4, ...body });
  const answer = (await response.json()) as {
    prompt_token_ids?: number[];
    choices: { prompt_token_ids: number[] }[];
  };
  return answer.prompt_token_ids ?? answer.choices[0]?.prompt_token_ids ?? [];
}

const completion = (body: object) => promptOf("/v1/completions", body);
const bytes = (text: string) => [...Buffer.from(text)];

describe("truncatedIds()", () => {
  const ids = Int32Array.of(1, 2, 3, 4);

  test("keeps the end of a prompt", () => {
    expect(truncatedIds(ids, 3)).toEqual(Int32Array.of(2, 3, 4));
  });

  test("counts kept tokens at the start toward the limit", () => {
    expect(truncatedIds(ids, 3, 1)).toEqual(Int32Array.of(1, 3, 4));
    expect(truncatedIds(ids, 1, 1)).toEqual(Int32Array.of(1));
  });

  test("does not change a prompt that fits", () => {
    expect(truncatedIds(ids, 4, 1)).toBe(ids);
  });

  test("keeps no tokens if the limit is 0", () => {
    expect(truncatedIds(ids, 0, 1)).toEqual(new Int32Array(0));
  });
});

describe("a completion", () => {
  test("keeps BOS and the end of the text", async () => {
    expect(await completion({ prompt: "abcdef", truncate_prompt_tokens: 3 })).toEqual([
      256,
      ...bytes("ef"),
    ]);
  });

  test("keeps the end of token IDs, before they are checked", async () => {
    const prompt = [9999, 97, 98];
    expect(await completion({ prompt, truncate_prompt_tokens: 2 })).toEqual([97, 98]);
  });

  test("is not refused if its prompt is longer than the context", async () => {
    const prompt = "x".repeat(10_000);
    expect(await completion({ prompt, truncate_prompt_tokens: 8 })).toHaveLength(8);
  });

  test("keeps as much as possible with -1, leaving room for max_tokens", async () => {
    const prompt = "x".repeat(100);
    expect(await completion({ prompt, truncate_prompt_tokens: -1, max_tokens: 20 })).toHaveLength(
      44,
    );
    expect(await completion({ prompt, truncate_prompt_tokens: -1, max_tokens: null })).toHaveLength(
      63,
    );
  });

  test("is refused if its prompt is too long and the field is not set", async () => {
    expect((await post("/v1/completions", { prompt: "x".repeat(100) })).status).toBe(400);
  });
});

describe("a chat", () => {
  test("keeps the end of the rendered prompt", async () => {
    const messages = [{ role: "user", content: "y".repeat(100) }];
    const ids = await promptOf("/v1/chat/completions", { messages, truncate_prompt_tokens: 14 });
    expect(ids).toEqual(bytes("yy\nassistant: "));
  });
});
