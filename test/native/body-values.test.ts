// Values in a chat request's body as its template receives them.

import { afterAll, beforeAll, expect, test } from "bun:test";
import type { NativeModel } from "../../src/runner/addon-types.ts";
import { loadTinyNative, type TinyNativeModel } from "../support/tiny-model.ts";

const TEMPLATE =
  "{% for m in messages %}{{ m.content }}|{% endfor %}{{ i }} " +
  "{{ messages[0].tool_calls[0].function.arguments }} {{ tools[0].a|tojson }}";

let tiny: TinyNativeModel;
let model: NativeModel;

beforeAll(async () => {
  tiny = await loadTinyNative({ addBos: false });
  model = tiny.model;
});

afterAll(() => tiny.remove());

function render(json: string, chatTemplate: string, continueFinalMessage = false) {
  const addGenerationPrompt = false;
  return model.applyChatTemplate({ json, chatTemplate, addGenerationPrompt, continueFinalMessage });
}

test("numbers in bodies and in call arguments are printed as in Python", async () => {
  const numbers = "[12345678901234567890,1.0,1e400,-0.0,1e22]";
  const args = JSON.stringify(`{"x":${numbers}}`);
  const call = `{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":${args}}}]}`;
  const json = `{"messages":[${call}],"tools":[{"a":${numbers}}],"kwargs":{"i":${numbers}}}`;
  expect(await render(json, TEMPLATE)).toBe(
    "|[12345678901234567890, 1.0, inf, -0.0, 1e+22] " +
      "{'x': [12345678901234567890, 1.0, inf, -0.0, 1e+22]} " +
      "[12345678901234567890, 1.0, Infinity, -0.0, 1e+22]",
  );
});

test("the template's BOS replaces the tokenizer's unless special tokens are requested", async () => {
  const { model: other, remove } = await loadTinyNative();
  const input = {
    json: JSON.stringify({ messages: [{ role: "user", content: "x" }] }),
    chatTemplate: "{{ bos_token }}{{ messages[0].content }}",
    ...{ addGenerationPrompt: false, continueFinalMessage: false },
  };
  const prompts = [false, true].map((addSpecialTokens) =>
    other.applyChatTemplate({ ...input, addSpecialTokens }),
  );
  expect(await Promise.all(prompts)).toEqual(["x", "<s>x"]);
  const ids = [false, true].map((addSpecialTokens) =>
    other.tokenizeChat({ ...input, addSpecialTokens }, undefined),
  );
  const [once, twice] = await Promise.all(ids);
  expect(twice).toEqual(Int32Array.of(once?.[0] ?? -1, ...(once ?? [])));
  await remove();
});

test("the position of a long final message is found after long, similar text", async () => {
  const final = `${"a".repeat(700_000)}b`;
  const messages = [
    { role: "user", content: "a".repeat(1_500_000) },
    { role: "assistant", content: final },
  ];
  const template = "{% for m in messages %}[{{ m.content }}{% endfor %}";
  const prompt = await render(JSON.stringify({ messages }), template, true);
  expect(prompt.length).toBe(2_200_003);
});
