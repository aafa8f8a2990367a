// Grammars for free text in which calls can begin: an answer that is not a call stays possible, and
// a call follows its tool's schema. The grammar constrains all text that the parser reads as a
// call.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { answerGrammar } from "../../src/formats/answer-grammar.ts";
import { HARMONY_MARKERS } from "../../src/formats/harmony.ts";
import type { ChatFormat, ToolParser } from "../../src/protocol/message-parsing.ts";
import { GrammarProbe } from "../support/grammar-probe.ts";
import { byteCharacters, CONTROL, NORMAL, vocabularyOf } from "../support/tiny-vocabulary.ts";

const SCHEMA = { type: "object", properties: { a: { type: "integer" } }, required: ["a"] };
const TOOLS = ["f", "fo"].map((name) => ({
  ...{ name, isLenient: true },
  schema: { ...SCHEMA, additionalProperties: false },
}));

function grammarText(format: ChatFormat, tokens: ReadonlyMap<string, number>): string {
  const rule = { kind: "text_with_calls", tools: TOOLS, onlyFirstCall: false } as const;
  return answerGrammar(format, tokens, rule)?.otherwise ?? "";
}

interface Case {
  readonly parser: ToolParser;
  readonly allowed: readonly string[];
  readonly excluded: readonly string[];
}

const CASES: readonly Case[] = [
  {
    parser: "llama3_json",
    allowed: [
      ...["", "hello", "{ is a brace", '{"x": 1}', '{"name": "Bob"}', '{"name": "f'],
      ...['Hi {"name": "f", "x": 1}', '{"parameters": {"b": 1}, "name": "f"}'],
      '{"name": "f", "parameters": {"a": 1}}',
      '\n{"name":"fo","parameters":{"a":1}}',
      '{"type": "function", "name": "f", "parameters": {"a": 1}}',
      '{"name": "f", "parameters": {"a": 1}}; {"name": "fo", "parameters": {"a": 2}}',
      '{"name": "f", "parameters": {"a": 1}} Done.',
      'I call <|python_tag|>{"name": "f", "parameters": {"a": 1}}',
    ],
    excluded: [
      ...['{"name": "f", "x": 1}', '{"name": "f", "parameters": {"b": 1}}'],
      '{"name": "f", "parameters": {"a": 1}};{"name": "fo", "parameters": {"b": 2}}',
      'I call <|python_tag|>{"name": "f", "parameters": {"b": 1}}',
    ],
  },
  {
    parser: "pythonic",
    allowed: [
      ...["", "[", "[1, 2]", "[g(b=1)]", "f(b=1)", "See [f(b=1)]"],
      ...["[f(a=1)]", " [ f(a=1), fo(a=2)]", "[f(a=1)] Done."],
    ],
    excluded: ["[f(b=1)]", "[f(a=1), g(a=2)]", "[fo(a=x)]"],
  },
  {
    parser: "xlam",
    allowed: [
      ...["[1, 2]", '[{"name": "g", "arguments": {"b": 1}}]', '{"name": "f"}'],
      '[{"name": "f", "arguments": {"a": 1}}]',
      '[ {"name":"f", "arguments":{"a": 1}}, {"name": "fo", "arguments": {"a": 2}}]',
      'Sure. [TOOL_CALLS][{"name": "f", "arguments": {"a": 1}}]',
    ],
    excluded: [
      '[{"name": "f", "arguments": {"b": 1}}]',
      '[TOOL_CALLS][{"name": "g", "arguments": {"a": 1}}]',
    ],
  },
  {
    parser: "granite",
    allowed: [
      ...["[1, 2]", '[{"name": "f", "arguments": {"a": 1}}]'],
      'Sure. <|tool_call|>[{"name": "f", "arguments": {"a": 1}}]',
    ],
    excluded: [
      '[{"name": "f", "arguments": {"b": 1}}]',
      'Sure. <|tool_call|>[{"name": "f", "arguments": {"b": 1}}]',
    ],
  },
  {
    parser: "functionary_v32",
    allowed: [
      ...["", "all\nHi", "all\n>>> f(1)\n>>>g\n{}", 'f\n{"a": 1}', "all\nf\n{}"],
      'all\nI look.>>>f\n{"a": 1}>>>fo\n{"a": 2}>>>all\nDone.',
    ],
    excluded: ['f\n{"b": 1}', "f\nx", 'all\nI look.>>>fo\n{"b": 1}', 'f\n{"a": 1}>>>f\n{}'],
  },
];

describe("a format with calls that need no marker", () => {
  let probe: GrammarProbe;

  beforeAll(async () => {
    probe = await GrammarProbe.load();
  });

  afterAll(() => probe?.remove());

  test.each(CASES)(
    "is constrained from a tool's name on: $parser",
    async ({ parser, ...texts }) => {
      const text = grammarText({ toolParser: parser, reasoningParser: null }, new Map());
      const grammar = await probe.compileUnforced("lark", text);
      for (const one of texts.allowed) {
        expect([one, await probe.accepts(grammar, one)]).toEqual([one, true]);
      }
      for (const one of texts.excluded) {
        expect([one, await probe.accepts(grammar, one)]).toEqual([one, false]);
      }
    },
  );
});

describe("harmony", () => {
  const FIRST = 256;
  const TOKENS = new Map(HARMONY_MARKERS.map((marker, i) => [marker, FIRST + i]));
  const FORMAT: ChatFormat = { toolParser: "openai", reasoningParser: "openai_gptoss" };
  let probe: GrammarProbe;
  let grammar: number;

  beforeAll(async () => {
    const entries = [
      ...byteCharacters().map((text) => ({ text, type: NORMAL })),
      ...[...HARMONY_MARKERS, "<|endoftext|>"].map((text) => ({ text, type: CONTROL })),
    ];
    const end = entries.length - 1;
    const metadata = [
      ["tokenizer.ggml.model", ["string", "gpt2"]],
      ["tokenizer.ggml.pre", ["string", "gpt-2"]],
      ["tokenizer.ggml.merges", ["string[]", []]],
    ] as const;
    probe = await GrammarProbe.load(vocabularyOf(entries, end, end, metadata));
    grammar = await probe.compileUnforced("lark", grammarText(FORMAT, TOKENS));
  });

  afterAll(() => probe?.remove());

  const accepts = (text: string) => {
    const pieces = text.split(/(<\|[a-z]+\|>)/);
    const ids = pieces.flatMap((piece) => TOKENS.get(piece) ?? [...probe.tokensOf(piece)]);
    return probe.accepts(grammar, Int32Array.from(ids));
  };

  const THOUGHT =
    "<|channel|>analysis<|message|>I use to=functions.f here<|end|><|start|>assistant";
  const JSON_TYPE = "<|constrain|>json";

  test.each([
    "",
    "text without a header",
    "<|channel|>final<|message|>to=functions.f is a recipient",
    `${THOUGHT}<|channel|>final<|message|>{"b": 1}`,
    `<|channel|>commentary to=functions.f ${JSON_TYPE}<|message|>{"a": 1}`,
    `${THOUGHT}<|channel|>commentary to=functions.fo${JSON_TYPE}<|message|>{"a": 1}`,
    ` to=functions.f<|channel|>commentary json<|message|>{"a": 1}`,
    '<|channel|>commentary<|message|>I call f.<|end|><|start|>assistant<|channel|>commentary to=functions.f<|message|>{"a": 1}',
    '<|channel|>analysis to=python code<|message|>print("hi")',
  ])("allows %p", async (text) => {
    expect(await accepts(text)).toBe(true);
  });

  test.each([
    `<|channel|>commentary to=functions.f ${JSON_TYPE}<|message|>{"b": 1}`,
    `${THOUGHT}<|channel|>commentary to=functions.f ${JSON_TYPE}<|message|>text`,
    ` to=functions.f<|channel|>commentary json<|message|>{}`,
    `<|channel|>commentary to=functions.g ${JSON_TYPE}<|message|>{"a": 1}`,
    `<|channel|>commentary to=functions.foo ${JSON_TYPE}<|message|>{"a": 1}`,
  ])("excludes %p", async (text) => {
    expect(await accepts(text)).toBe(false);
  });

  test("is left unconstrained if its markers are ordinary text", () => {
    expect(grammarText(FORMAT, new Map())).toBe("");
  });
});
