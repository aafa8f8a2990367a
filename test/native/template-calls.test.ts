// Single calls in a chat template that would never return or would fill the memory, without
// executing a statement.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { NativeModel } from "../../src/runner/addon-types.ts";
import { loadTinyNative, type TinyNativeModel } from "../support/tiny-model.ts";

/** Time or memory limit; which is reached first depends on the machine. */
const LIMIT = /^the chat template (takes longer than 2 s|produces more than 1 GiB of text)$/;

let tiny: TinyNativeModel;
let model: NativeModel;

beforeAll(async () => {
  tiny = await loadTinyNative({ addBos: false });
  model = tiny.model;
});

afterAll(() => tiny.remove());

/** The prompt, or the message of the refusal. */
function render(chatTemplate: string): Promise<string> {
  const json = JSON.stringify({ messages: [{ role: "user", content: "x" }], kwargs: {} });
  const flags = { addGenerationPrompt: false, continueFinalMessage: false };
  return model
    .applyChatTemplate({ json, chatTemplate, ...flags })
    .catch((reason: Error) => reason.message);
}

describe("a call is bounded", () => {
  const nested = `{% set n = namespace(a=[1], b=[1]) %}{% for i in range(60) %}
{%- set n.a = [n.a, n.a] %}{% set n.b = [n.b, n.b] %}{% endfor %}`;
  const numbers = "{% set y = range(100000)|list %}";
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      "hashes of lists that contain the same list many times",
      `${nested}{{ [n.a, n.b]|unique|list }}`,
      LIMIT,
    ],
    ["a search for each item of another list", `${numbers}{{ y|select('in', y)|list }}`, LIMIT],
    ["letters that fill the memory", "{{ ('a' * 10000000)|list|length }}", LIMIT],
    ["long texts between letters", "{{ ('a' * 100000)|list|join('b' * 100000)|length }}", LIMIT],
    ["a slice with an overflowing step", "{{ 'abc'[-1::-9223372036854775807 - 1] }}", /^c$/],
    [
      "a range with an overflowing step",
      "{{ range(0, 9223372036854775807, 9223372036854775806)|length }}",
      /^2$/,
    ],
  ];
  for (const [name, template, outcome] of cases) {
    test(`with ${name}`, async () => {
      expect(await render(template)).toMatch(outcome);
    }, 20_000);
  }
});

test("an error message names the template's value types, not C++ types", async () => {
  expect(await render("{{ [1] is divisibleby 2 }}")).toBe(
    "Function 'divisibleby' does not take a value of type Array",
  );
});
