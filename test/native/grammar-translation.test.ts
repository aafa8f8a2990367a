// Translated grammars allow exactly the same text as the originals: random GBNF against a naive
// matcher, patterns against JavaScript's own regular expressions, and structural tags.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { gbnfText } from "../../src/api/grammar/grammar-text.ts";
import { enforceablePattern } from "../../src/api/grammar/pattern.ts";
import type { Json } from "../../src/api/schema/json-value.ts";
import { structuralTagText } from "../../src/api/structural-tag.ts";
import { GrammarProbe } from "../support/grammar-probe.ts";
import {
  derived,
  derives,
  plainGrammar,
  type RandomGrammar,
  recursiveGrammar,
} from "../support/random-gbnf.ts";

let probe: GrammarProbe;

beforeAll(async () => {
  probe = await GrammarProbe.load("bpe");
});

afterAll(() => probe?.remove());

const picks = fc.infiniteStream(fc.double({ min: 0, max: 0.99, noNaN: true }));
const edits = fc.array(fc.tuple(fc.nat(40), fc.constantFrom("", "a", "b", '"', "x", "()")), {
  maxLength: 2,
});

/** Text that matches the grammar, and text that is a few edits away. */
function textsOf(grammar: RandomGrammar, stream: Iterator<number>, changes: [number, string][]) {
  const text = derived(grammar, () => stream.next().value);
  const edited = changes.reduce(
    (now, [at, other]) => now.slice(0, at) + other + now.slice(at + 1),
    text,
  );
  return { text, edited: edited.toWellFormed() };
}

describe("GBNF", () => {
  test("without recursion allows the same text", async () => {
    await fc.assert(
      fc.asyncProperty(plainGrammar, picks, edits, async (grammar, stream, changes) => {
        const { text, edited } = textsOf(grammar, stream, changes as [number, string][]);
        fc.pre(text.length < 100);
        const handle = await probe.compileUnforced("lark", gbnfText(grammar.text, "grammar"));
        expect(await probe.accepts(handle, text)).toBe(true);
        expect(await probe.accepts(handle, edited)).toBe(derives(grammar, edited));
        probe.model.freeGrammar(handle);
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  test("with recursion allows the same text", async () => {
    await fc.assert(
      fc.asyncProperty(recursiveGrammar, picks, edits, async (grammar, stream, changes) => {
        const { text, edited } = textsOf(grammar, stream, changes as [number, string][]);
        fc.pre(text.length < 100);
        const handle = await probe.compileUnforced("lark", gbnfText(grammar.text, "grammar"));
        expect(await probe.accepts(handle, text)).toBe(true);
        expect(await probe.accepts(handle, edited)).toBe(derives(grammar, edited));
        probe.model.freeGrammar(handle);
      }),
      { numRuns: 100 },
    );
  }, 60_000);

  test("from llama.cpp works for arithmetic and lists", async () => {
    const arithmetic = `
      root  ::= (expr "=" ws term "\\n")+
      expr  ::= term ([-+*/] term)*
      term  ::= ident | num | "(" ws expr ")" ws
      ident ::= [a-z] [a-z0-9_]* ws
      num   ::= [0-9]+ ws
      ws    ::= [ \\t\\n]*`;
    const handle = await probe.compileUnforced("lark", gbnfText(arithmetic, "grammar"));
    expect(await probe.accepts(handle, "a+(b*3)=7\n")).toBe(true);
    expect(await probe.accepts(handle, "a+*3=7\n")).toBe(false);
    const list = 'root ::= item+\nitem ::= "- " [^\\r\\n\\x0b\\x0c\\x85\\u2028\\u2029]+ "\\n"';
    const items = await probe.compileUnforced("lark", gbnfText(list, "grammar"));
    expect(await probe.accepts(items, "- one\n- two\n")).toBe(true);
    expect(await probe.accepts(items, "- one\n\n")).toBe(false);
  });
});

describe("patterns", () => {
  const PATTERNS: [pattern: string, texts: string[]][] = [
    ["^a{1,2}b$", ["ab", "aab", "aaab", "b"]],
    ["^{a}$", ["{a}", "a"]],
    ["^a{,3}$", ["a{,3}", "aa"]],
    ["^[[a]$", ["[", "a", "b"]],
    ["^[a-z&&b]$", ["&", "b", "q", "A"]],
    ["^[a~~b]$", ["~", "a"]],
    ["^[^]$", ["a", "\n"]],
    ["^\\/\\-\\.$", ["/-.", "/-a"]],
    ["^[\\b]$", ["\b", "b"]],
    ["^\\cJ\\0$", ["\n\0", "J0"]],
    ["^\\d\\w\\s$", ["1a ", "ab ", "١a "]],
    ["^[\\w.-]+@[\\w-]+$", ["a.b-c@d", "a@", "@b"]],
    ["^(?<year>\\d{4})-(?:x|y)$", ["2024-x", "x", "2024-"]],
  ];
  test.each(PATTERNS)("%s has the same meaning as in JavaScript", async (pattern, texts) => {
    const regex = (enforceablePattern(pattern) ?? "").replace(/^\^/, "").replace(/\$$/, "");
    const handle = await probe.compileUnforced("regex", regex.replaceAll("/", "\\/"));
    for (const text of texts) {
      expect([text, await probe.accepts(handle, text)]).toEqual([
        text,
        new RegExp(pattern).test(text),
      ]);
    }
  });

  test.each([
    ["\\p{L}+", ["aé", "a1", "p{L}"]],
    ["[\\p{Lu}\\d]{2}", ["A1", "a1"]],
    ["\\P{Script=Greek}", ["a", "\u03b1"]],
    ["\\u{41}\\u{1F600}", ["A\u{1F600}", "A"]],
  ])("%s has the same meaning as in JavaScript with the flag u", async (pattern, texts) => {
    const handle = await probe.compileUnforced("regex", enforceablePattern(pattern) ?? "");
    for (const text of texts) {
      const isWhole = new RegExp(`^(?:${pattern})$`, "u").test(text);
      expect([text, await probe.accepts(handle, text)]).toEqual([text, isWhole]);
    }
  });

  test.each([
    "(?=a)",
    "(?!a)",
    "(?<=a)",
    "(?<!a)",
    "(a)\\1",
    "\\bfoo",
    "\\B",
    "\\k<a>",
    "[]",
    "[a",
    "\\",
    "\\e",
    "\\01",
    "(?P=a)",
    "(?>a)",
  ])("%s cannot be enforced", (pattern) => {
    expect(enforceablePattern(pattern)).toBeNull();
  });
});

describe("structural tags", () => {
  const compiled = (tag: object) =>
    probe.compileUnforced("lark", structuralTagText(tag as Json, "structural_tag"));
  const CALL = { type: "object", properties: { a: { type: "integer" } }, required: ["a"] };

  test("in the older form allow free text, and parts with a schema after a trigger", async () => {
    const grammar = await compiled({
      structures: [
        { begin: "<f=x>", schema: CALL, end: "</f>" },
        { begin: "<f=y>", schema: { type: "null" }, end: "</f>" },
      ],
      triggers: ["<f="],
    });
    const cases: [string, boolean][] = [
      ["", true],
      ["just text < f", true],
      ['say <f=x>{"a":1}</f>', true],
      ['<f=x>{"a":1}</f> and <f=y>null</f> end', true],
      ['<f=x>{"a":"b"}</f>', false],
      ["<f=z>{}</f>", false],
      ['<f=x>{"a":1}', false],
    ];
    for (const [text, fits] of cases)
      expect([text, await probe.accepts(grammar, text)]).toEqual([text, fits]);
  });

  const FORMATS: [name: string, format: object, fits: string[], others: string[]][] = [
    ["const_string", { type: "const_string", value: 'a"b' }, ['a"b'], ["a"]],
    ["json_schema", { type: "json_schema", json_schema: CALL }, ['{"a": 1}'], ["{}"]],
    ["regex", { type: "regex", pattern: "a/b\\/c+" }, ["a/b/cc"], ["a/b"]],
    ["grammar", { type: "grammar", grammar: 'root ::= "(" root ")" | "x"' }, ["((x))"], ["((x)"]],
    ["any_text", { type: "any_text" }, ["", "anything\n"], []],
    [
      "sequence",
      {
        type: "sequence",
        elements: [
          { type: "const_string", value: "a" },
          { type: "regex", pattern: "b*" },
        ],
      },
      ["a", "abb"],
      ["b"],
    ],
    [
      "or",
      {
        type: "or",
        elements: [
          { type: "const_string", value: "a" },
          { type: "json_schema", json_schema: true },
        ],
      },
      ["a", "[1]"],
      ["b"],
    ],
    [
      "tag",
      { type: "tag", begin: "<t>", content: { type: "any_text" }, end: "</t>" },
      ["<t></t>", "<t>a<b</t>"],
      ["<t>", "<t></t>x"],
    ],
    [
      "tag with several ends",
      { type: "tag", begin: "<t>", content: { type: "regex", pattern: "a" }, end: ["!", "?"] },
      ["<t>a!", "<t>a?"],
      ["<t>a", "<t>a!?"],
    ],
    [
      "triggered_tags",
      {
        type: "triggered_tags",
        triggers: ["<"],
        tags: [{ begin: "<t>", content: { type: "regex", pattern: "\\d" }, end: "</t>" }],
        at_least_one: true,
        stop_after_first: true,
      },
      ["<t>1</t>", "text <t>1</t>"],
      ["text", "<t>1</t>x", "<t>1</t><t>2</t>", "<u>"],
    ],
    [
      "tags_with_separator",
      {
        type: "tags_with_separator",
        tags: [{ begin: "[", content: { type: "regex", pattern: "\\d" }, end: "]" }],
        separator: ", ",
      },
      ["", "[1]", "[1], [2]"],
      ["[1] [2]", "[1], "],
    ],
    [
      "tags_with_separator, at least one, only the first",
      {
        type: "tags_with_separator",
        tags: [{ begin: "[", content: { type: "regex", pattern: "\\d" }, end: "]" }],
        separator: ", ",
        at_least_one: true,
        stop_after_first: true,
      },
      ["[1]"],
      ["", "[1], [2]"],
    ],
  ];
  test.each(FORMATS)("%s", async (_, format, fits, others) => {
    const grammar = await compiled({ type: "structural_tag", format });
    for (const text of fits)
      expect([text, await probe.accepts(grammar, text)]).toEqual([text, true]);
    for (const text of others)
      expect([text, await probe.accepts(grammar, text)]).toEqual([text, false]);
  });
});
