// Grammars for forced calls whose format has plain-text parameters: the values that they allow for a
// parameter's schema.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { answerGrammar } from "../../src/formats/answer-grammar.ts";
import type { ToolParser } from "../../src/protocol/message-parsing.ts";
import { GrammarProbe } from "../support/grammar-probe.ts";

let probe: GrammarProbe;

beforeAll(async () => {
  probe = await GrammarProbe.load("bpe");
});

afterAll(() => probe?.remove());

const M3 = "]<]minimax[>[";

/** Text before and after parameter `p`'s value in a call to `f`. */
const FORMATS: readonly (readonly [parser: ToolParser, before: string, after: string])[] = [
  [
    "qwen3_coder",
    "<tool_call>\n<function=f>\n<parameter=p>\n",
    "\n</parameter>\n</function>\n</tool_call>",
  ],
  ["glm47", "<tool_call>f<arg_key>p</arg_key><arg_value>", "</arg_value></tool_call>"],
  [
    "minimax_m2",
    '<minimax:tool_call>\n<invoke name="f">\n<parameter name="p">',
    "</parameter>\n</invoke>\n</minimax:tool_call>",
  ],
  [
    "minimax_m3",
    `${M3}<tool_call>\n${M3}<invoke name="f">${M3}<p>`,
    `${M3}</p>${M3}</invoke>\n${M3}</tool_call>`,
  ],
];

async function allowed(
  [toolParser, before, after]: (typeof FORMATS)[number],
  schema: object,
  values: readonly string[],
): Promise<string[]> {
  const tool = {
    name: "f",
    schema: { type: "object", properties: { p: schema }, required: ["p"], $defs: DEFINITIONS },
    isLenient: false,
  };
  const format = { toolParser, reasoningParser: null };
  const rule = { kind: "calls", tools: [tool], onlyFirstCall: true } as const;
  const text = answerGrammar(format, new Map(), rule)?.otherwise ?? "";
  const grammar = await probe.compileUnforced("lark", text);
  const accepted: string[] = [];
  for (const value of values) {
    if (await probe.accepts(grammar, before + value + after)) accepted.push(value);
  }
  return accepted;
}

const DEFINITIONS = { Unit: { type: "string", enum: ["C", "F"] } };

const CASES: readonly (readonly [
  title: string,
  schema: object,
  valid: readonly string[],
  invalid: readonly string[],
])[] = [
  ["any string", { type: "string" }, ["", "a", "7", "<b>\n\n"], []],
  ["an enum", { enum: ["red", "a b", "5"] }, ["red", "a b", "5"], ["", "re", "redd", '"red"']],
  ["an enum of several types", { enum: ["a", 5, null] }, ["a", "5", "null"], ["6", "b"]],
  ["a const", { const: "x\ny" }, ["x\ny"], ["x", "x\ny\n"]],
  ["a reference to an enum", { $ref: "#/$defs/Unit" }, ["C", "F"], ["K", ""]],
  ["its only part", { allOf: [{ $ref: "#/$defs/Unit" }] }, ["C"], ["K"]],
  [
    "a choice with null",
    { anyOf: [{ $ref: "#/$defs/Unit" }, { type: "null" }] },
    ["C", "null"],
    ["K", "7"],
  ],
  [
    "a pattern",
    { type: "string", pattern: "^[a-z]+/[0-9]{2}$" },
    ["ab/12"],
    ["ab/1", "/12", "ab/123", "Xab/12"],
  ],
  [
    "a pattern without anchors",
    { type: "string", pattern: "b|c$" },
    ["b", "abd", "ac"],
    ["", "ca", "a"],
  ],
  [
    "a pattern that allows the end marker",
    { type: "string", pattern: "^a.*$" },
    ["a", "a</b>"],
    ["", "b"],
  ],
  [
    "a pattern and a length",
    { type: "string", pattern: "^a*$", minLength: 2, maxLength: 3 },
    ["aa", "aaa"],
    ["a", "aaaa", "bb"],
  ],
  [
    "a pattern or a number",
    { anyOf: [{ type: "string", pattern: "^v[0-9]$" }, { type: "integer" }] },
    ["v1", "12"],
    ["v", "1.5", "x"],
  ],
  ["a boolean", { type: "boolean" }, ["true", "False"], ["TRUE", "1", ""]],
  ["a length or null", { type: ["string", "null"], maxLength: 2 }, ["ab", "null"], ["abc"]],
];

describe.each(FORMATS)("the value of a %s parameter with", (...format) => {
  test.each(CASES)("%s", async (_, schema, valid, invalid) => {
    expect(await allowed(format, schema, [...valid, ...invalid])).toEqual([...valid]);
  });
});

describe("the value of a minicpm5 parameter", () => {
  const format = [
    "minicpm5",
    '<function name="f"><param name="p">',
    "</param></function>",
  ] as const;
  const marked = (text: string) => `<![CDATA[${text}]]>`;

  test("is in a CDATA section if it has special characters", async () => {
    const values = ["", "a ]]> b", marked(""), marked("<a> &\n]]>"), "<a>", "&", "a\nb"];
    expect(await allowed(format, { type: "string" }, values)).toEqual(values.slice(0, 4));
    const choices = { enum: ["a", "<", 1] };
    const some = ["a", marked("<"), "1", marked("a"), "<"];
    expect(await allowed(format, choices, some)).toEqual(some.slice(0, 3));
  });

  test("follows its pattern and length", async () => {
    const schema = { type: "string", pattern: "^[a-c<]*$", maxLength: 2 };
    const values = [marked("a<"), marked("abc"), marked("d"), "abc"];
    expect(await allowed(format, schema, values)).toEqual([marked("a<")]);
    const short = ["ab", marked("ab"), "abc"];
    expect(await allowed(format, { type: "string", maxLength: 2 }, short)).toEqual(
      short.slice(0, 2),
    );
  });
});
