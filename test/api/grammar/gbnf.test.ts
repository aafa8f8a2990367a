// GBNF: accepted and refused grammars, and their translations to Lark. Tests in test/native use the
// grammar engine to check that both allow the same text.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GrammarTextError, parseGbnf } from "../../../src/api/grammar/gbnf-parser.ts";
import { larkOf } from "../../../src/api/grammar/gbnf-to-lark.ts";
import { derived, derives, plainGrammar, recursiveGrammar } from "../../support/random-gbnf.ts";

const root = (text: string) => parseGbnf(`root ::= ${text}`).get("root");
const lark = (text: string) => larkOf(parseGbnf(text), "root");

describe("the parser", () => {
  test("reads literals with escapes", () => {
    const text = `${String.raw`"a\"\\\n\r\t\x41\u00e9\U0001F600\/`}😀#"`;
    expect(root(text)).toEqual({ kind: "text", text: 'a"\\\n\r\tAé😀/😀#' });
  });

  test("reads character classes", () => {
    const ranges = (text: string) => root(text);
    expect(ranges("[a-z0-]")).toEqual({
      kind: "class",
      isNegated: false,
      ranges: [
        [97, 122],
        [48, 48],
        [45, 45],
      ],
    });
    expect(ranges(String.raw`[^"\\\x7F\n\]]`)).toEqual({
      kind: "class",
      isNegated: true,
      ranges: [34, 92, 127, 10, 93].map((point): [number, number] => [point, point]),
    });
  });

  test("reads repetitions, groups, choices and any character", () => {
    const a = { kind: "text", text: "a" };
    const repeat = (min: number, max: number | null) => ({ kind: "repeat", item: a, min, max });
    for (const [text, expected] of [
      ['"a"*', repeat(0, null)],
      ['"a"+', repeat(1, null)],
      ['"a"?', repeat(0, 1)],
      ['"a"{3}', repeat(3, 3)],
      ['"a"{2,}', repeat(2, null)],
      ['"a"{2,5}', repeat(2, 5)],
      [
        '("a" | .) x_1-b',
        {
          kind: "sequence",
          items: [
            { kind: "choice", items: [a, { kind: "any" }] },
            { kind: "rule", name: "x_1-b" },
          ],
        },
      ],
      ['"a" |', { kind: "choice", items: [a, { kind: "sequence", items: [] }] }],
      ["", { kind: "sequence", items: [] }],
      [
        "<think> <[12]>",
        {
          kind: "sequence",
          items: [
            { kind: "token", text: "<think>" },
            { kind: "token", text: "<[12]>" },
          ],
        },
      ],
    ] as const) {
      expect(root(text)).toEqual(expected as never);
    }
  });

  test("ends a rule where the next one begins, regardless of line breaks; # starts a comment", () => {
    const rules = parseGbnf('a ::=\n  "1" # one\n\n  b\nb::="2"|\n"3"');
    expect([...rules.keys()]).toEqual(["a", "b"]);
    expect(rules.get("b")).toMatchObject({ kind: "choice" });
  });

  test.each([
    ["root", "line 1: expected `name ::=`"],
    ['root ::= "a"\nroot ::= "b"', "line 2: rule root is defined twice"],
    ['root ::= "a', "line 1: unexpected end"],
    ["root ::= [a", "line 1: unexpected end"],
    ["root ::= []", "line 1: empty character class"],
    ["root ::= [z-a]", "line 1: a character range is reversed"],
    ['root ::= ("a"', "line 1: expected )"],
    ['root ::= "a")', "line 1: expected `name ::=`"],
    ["root ::= %", "line 1: unexpected character"],
    ["root ::= <think", "line 1: unfinished token"],
    ['root ::= "a"{3,2}', "line 1: invalid repetition {3,2}"],
    ['root ::= "a"{}', "line 1: invalid repetition {}"],
    ['root ::= "a"{100001}', "line 1: more than 100000 repetitions"],
    ['root ::= "\\ud800"', "line 1: no such character"],
    ['root ::= "\\UFFFFFFFF"', "line 1: no such character"],
    [`root ::= ${"(".repeat(101)}`, "line 1: parentheses are nested deeper than 100 levels"],
  ])("refuses %p", (text, message) => {
    expect(() => parseGbnf(text)).toThrow(GrammarTextError);
    expect(() => parseGbnf(text)).toThrow(message);
  });

  test("reads random grammars back as they were generated", () => {
    fc.assert(
      fc.property(fc.oneof(plainGrammar, recursiveGrammar), ({ rules, text }) => {
        expect(parseGbnf(text)).toEqual(new Map(rules));
      }),
    );
  });

  test("reads any text in time proportional to its length, or refuses it", () => {
    const parts = fc.constantFrom(
      ...["a", " ::= ", '"', "(", ")", "[", "]", "{", "|", "<", "\\", "\n", "#", "*", "1"],
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 60 }), (texts) => {
        try {
          parseGbnf(texts.join(""));
        } catch (error) {
          expect(error).toBeInstanceOf(GrammarTextError);
        }
      }),
    );
  });
});

describe("the translation", () => {
  test.each([
    [
      "rules without recursion become one expression",
      'root ::= "a" x\nx ::= [0-9]+ | "."',
      "start: /a(?:(?:[\\u{30}-\\u{39}]){1,}|\\u{2e})/",
    ],
    [
      "recursive rules stay rules",
      'root ::= "(" root ")" | "x"',
      "start: (/\\u{28}/ start /\\u{29}/ | /x/)",
    ],
    [
      "mutually recursive rules get their own names",
      'root ::= "a" b | ""\nb ::= "b" root',
      'start: (/a/ start_1 | "")\nstart_1: /b/ start',
    ],
    ["special tokens stay tokens", 'root ::= <a> "b"* <[7]>', "start: <a> (/b/){0,} <[7]>"],
    ["repetitions of rules", 'root ::= ("a" root){2,3} | "b"', "start: ((/a/ start){2,3} | /b/)"],
  ])("%s", (_, text, expected) => {
    expect(lark(text)).toBe(expected);
  });

  test("leaves out unused rules and names missing ones", () => {
    expect(lark('root ::= "a"\nother ::= missing')).toBe("start: /a/");
    expect(() => lark("root ::= missing")).toThrow("rule missing is missing");
    expect(() => larkOf(new Map(), "root")).toThrow("rule root is missing");
  });

  test("refuses a root that matches no finite text, no matter how long its chain of rules is", () => {
    expect(() => lark('root ::= "a" root')).toThrow("rule root never ends");
    expect(() => lark("root ::= x | root\nx ::= root{2}")).toThrow("rule root never ends");
    expect(lark('root ::= root | "a" x\nx ::= y{0,2}\ny ::= y')).toContain("start: ");
  });

  test("renames an embedded grammar's rules", () => {
    expect(larkOf(parseGbnf('root ::= "a" root | x\nx ::= <t>'), "root", "g1")).toBe(
      "g1: (/a/ g1 | g1_1)\ng1_1: <t>",
    );
  });
});

test("the naive matcher accepts the derived text", () => {
  fc.assert(
    fc.property(
      fc.oneof(plainGrammar, recursiveGrammar),
      fc.infiniteStream(fc.double({ min: 0, max: 0.99, noNaN: true })),
      (grammar, stream) => {
        const text = derived(grammar, () => stream.next().value);
        if (text.length < 200) expect(derives(grammar, text)).toBe(true);
      },
    ),
  );
});
