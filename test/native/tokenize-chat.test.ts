// Tokenizing a chat in one addon call yields the same ids as tokenizing its rendered prompt.

import { afterAll, beforeAll, expect, test } from "bun:test";
import type { NativeModel } from "../../src/runner/addon-types.ts";
import { loadTinyNative, type TinyNativeModel } from "../support/tiny-model.ts";

let tiny: TinyNativeModel;
let plain: NativeModel;

beforeAll(async () => {
  tiny = await loadTinyNative();
  plain = tiny.model;
});

afterAll(() => tiny.remove());

test("returns the prompt's tokens in one call, at most one more than a limit", async () => {
  const input = {
    json: JSON.stringify({
      messages: [{ role: "user", content: "hello there" }],
      tools: null,
      kwargs: {},
    }),
    ...{ chatTemplate: "", addGenerationPrompt: true, continueFinalMessage: false },
  };
  const prompt = await plain.applyChatTemplate(input);
  const ids = await plain.tokenizeChat(input);
  expect(ids).toEqual(await plain.tokenize(prompt, true, true));
  expect(ids.length).toBeGreaterThan(3);
  expect(await plain.tokenizeChat(input, 2)).toEqual(ids.slice(0, 3));
  const broken = { ...input, chatTemplate: "{{ raise_exception('no') }}" };
  await expect(plain.tokenizeChat(broken)).rejects.toMatchObject({ code: "template_error" });
  expect(() => plain.tokenizeChat({ ...input, json: 1 } as never)).toThrow("json");
});
