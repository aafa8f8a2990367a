// Single calls in a chat template that would never return or would exhaust memory without
// executing a statement.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { NativeModel } from "../../src/runner/addon-types.ts";
import { loadTinyNative, type TinyNativeModel } from "../support/tiny-model.ts";

const ONE = "the chat template creates a string or list of more than 64 MiB";
const ALL =
  "the chat template creates more than 1 GiB of strings and lists in total, counting every copy";
/** Time or memory limit; which one is reached first depends on the machine. */
const LIMIT = new RegExp(`^(the chat template takes longer than 2 s|${ONE}|${ALL})$`);

let tiny: TinyNativeModel;
let model: NativeModel;

beforeAll(async () => {
  tiny = await loadTinyNative({ addBos: false });
  model = tiny.model;
});

afterAll(() => tiny.remove());

/** Returns the prompt, or the error message if the template is refused. */
function render(chatTemplate: string): Promise<string> {
  const json = JSON.stringify({ messages: [{ role: "user", content: "x" }], kwargs: {} });
  const flags = { addGenerationPrompt: false, continueFinalMessage: false };
  return model
    .applyChatTemplate({ json, chatTemplate, ...flags })
    .catch((reason: Error) => reason.message);
}

describe("a call's cost is bounded", () => {
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
    ["letters that fill memory", "{{ ('a' * 10000000)|list|length }}", LIMIT],
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

describe("a result of more than 64 MiB is refused before it is built", () => {
  test.each([
    "'a'|center(1000000000)",
    "'a'.ljust(1000000000)",
    "'a'.rjust(1000000000, '漢')",
    "'a'.center(9223372036854775807)",
    "'5'.zfill(1000000000)",
    "'ab' * 1000000000",
    "9223372036854775807 * 'ab'",
    "[1] * 9223372036854775807",
    "[1, 2] * 5000000",
    "('\n' * 1000000)|indent(1000, true, true)",
    "'a'|indent(9223372036854775807, true)",
    "('a\n' * 1000000)|indent('b' * 1000)",
    "('a' * 1000000)|replace('a', 'b' * 1000)",
    "('a' * 1000000)|replace('', 'b' * 1000)",
    "range(100000)|join('b' * 1000)",
    "('b' * 1000).join(range(100000))",
    "[1]|batch(1000000000, 'x')",
    "[1]|slice(1000000000)",
    "('&' * 20000000)|escape",
    "('%' * 30000000)|urlencode",
    "('a ' * 1000000)|wordwrap(1, wrapstring='b' * 1000)",
    "'a'|truncate(10, end='b' * 100000000)",
    "('a' * 40000000) ~ ('b' * 40000000)",
    "('a' * 40000000) + ('b' * 40000000)",
    "('a' * 40000000)[::2]",
  ])("%s", async (expression) => {
    expect(await render(`{{ (${expression})|length }}`)).toMatch(LIMIT);
  });

  test("one of exactly 64 MiB is accepted", async () => {
    const size = 64 * 1024 * 1024;
    for (const make of [(n: number) => `'a'|center(${n})`, (n: number) => `'a' * ${n}`]) {
      expect(await render(`{{ (${make(size)})|length }}`)).toBe(String(size));
      expect(await render(`{{ (${make(size + 1)})|length }}`)).toBe(ONE);
    }
  });
});

test("copies of a growing value in a loop count toward the limit", async () => {
  const grow = (empty: string, step: string, count: number) =>
    `{% set n = namespace(l=${empty}) %}{% for i in range(${count}) %}{% set n.l = n.l + ${step} %}{% endfor %}{{ n.l|length }}`;
  expect(await render(grow("[]", "[i]", 5000))).toBe("5000");
  expect(await render(grow("''", "'a' * 1000000", 20))).toBe("20000000");
  expect(await render(grow("''", "'a' * 1000000", 60))).toMatch(LIMIT);
});

describe("long text passes through", () => {
  const long = "'Aé ' * 1000000";
  test.each([
    [`(${long})|upper|length`, "3000000"],
    [`(${long})|lower|length`, "3000000"],
    [`(${long})|title|length`, "3000000"],
    [`(${long})|capitalize|length`, "3000000"],
    [`(${long})|escape|length`, "3000000"],
    [`(${long})|urlencode|length`, "10000000"],
    [`(${long})|striptags|length`, "2999999"],
    [`(${long})|wordwrap|length`, "2999999"],
    [`('<' * 4000000)|striptags|length`, "4000000"],
    [`('<!-- ' * 1000000)|striptags|length`, "4999999"],
    [`('&' * 4000000)|striptags|length`, "4000000"],
    [`('a' * 4000000)|wordwrap|length`, "4050632"],
    [`('a-' * 200000)|wordwrap(10)|length`, "439999"],
    [`('-' * 4000000)|wordwrap(10)|length`, "4399999"],
    [`(${long})|replace('A', 'bb')|length`, "4000000"],
  ])(
    "%s",
    async (expression, length) => {
      expect(await render(`{{ ${expression} }}`)).toBe(length);
    },
    20_000,
  );
});

test("errors name value types as in Jinja2, not C++ types", async () => {
  expect(await render("{{ [1] is divisibleby 2 }}")).toBe(
    "Function 'divisibleby' does not take a value of type Array",
  );
});
