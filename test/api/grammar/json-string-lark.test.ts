// Grammars for plain text, translated to match the same text inside a JSON string.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { inJsonString } from "../../../src/api/grammar/json-string-lark.ts";
import { PATCH_GRAMMAR } from "../../support/codex.ts";

describe("a Lark grammar in a JSON string", () => {
  test("has its literals escaped twice: for JSON, then for Lark", () => {
    expect(inJsonString('start: "a\\"b" "\\n" "\\\\"')).toBe(
      'start: "a\\\\\\"b" "\\\\n" "\\\\\\\\"',
    );
  });

  test("keeps its rules, without comments and names of subtrees", () => {
    const grammar = 'start: (a | b)* c? d{1,3} // all\na: "x" -> named\n  | "y"\n';
    expect(inJsonString(grammar)).toBe('start: (a | b)* c? d{1,3} \na: "x" \n  | "y"');
  });

  test("defines the terminals that it imports", () => {
    expect(inJsonString("start: LF\n%import common.LF\n")).toBe(
      'start: LF\n\nLF: "\\\\n"'.replace("\n\n", "\n"),
    );
    expect(inJsonString("start: N\n%import common.NEWLINE -> N")).toContain(
      "N: /(?:(?:\\\\r)?\\\\n)+/",
    );
  });

  test("is translated for apply_patch", () => {
    const lark = inJsonString(PATCH_GRAMMAR) ?? "";
    expect(lark).toContain('begin_patch: "*** Begin Patch" LF');
    expect(lark).toContain('LF: "\\\\n"');
    expect(lark).not.toContain("->");
    expect(lark).not.toContain("import");
  });

  test.each([
    ['start: "a"i', "a flag"],
    ["start: /a(?=b)/", "look-ahead"],
    ["start: /a/s", "a flag of a regex"],
    ["start: /^a$/", "anchors"],
    [String.raw`start: /\bword/`, "a word boundary"],
    ["start: /[[:alpha:]]/", "a POSIX class"],
    ["%ignore WS\nstart: a", "a directive"],
    ["%import common.ESCAPED_STRING\nstart: a", "an unknown terminal"],
    ['start: "a', "an open string"],
    ["start: @", "anything else"],
  ])("is not translated with %j: %s", (grammar) => {
    expect(inJsonString(grammar)).toBeNull();
  });
});

/** Translates a grammar that consists of this regular expression and returns the result in JavaScript's syntax. */
function translated(regex: string): RegExp {
  const [, body = ""] = /^start: \/(.*)\/$/s.exec(inJsonString(`start: /${regex}/`) ?? "") ?? [];
  return new RegExp(`^(?:${body})$`, "v");
}

const inside = (text: string) => JSON.stringify(text).slice(1, -1);

test("takes time linear in a hostile grammar", () => {
  const long = 100_000;
  const grammars = [
    `%import common.LF${" ".repeat(long)}x @`,
    `start: ${"a{1".repeat(long)}`,
    `start: ${"/a".repeat(long)}`,
    `start: ${"(".repeat(long)} "${"\\\\".repeat(long)}`,
    `start: /${"[".repeat(long)}/`,
    `start: ${"~ 1 ".repeat(long)}.. @`,
  ];
  expect(grammars.map(inJsonString)).toEqual(grammars.map(() => null));
});

describe("a regular expression in a JSON string", () => {
  const texts = fc.string({ unit: fc.constantFrom(...'ab1 "\\\n\t/-]+ü🦜'), maxLength: 5 });

  test.each([
    ...["(.+)", "(.*)", "a|b+", "[ab]*", "[^a]*", '[^"\\\\]*', '[a-z"\\n]*', "[ -~]{1,3}"],
    ...["\\d+", "\\w*", "a\\\\b", '"(a|b)?"', "\\n\\t", "(?:a\\/)*", "\\[.\\]", "ü*"],
  ])("accepts the escaped form of %p exactly where the plain form is accepted", (regex) => {
    const plain = new RegExp(`^(?:${regex.replaceAll(".", "[^\\n]")})$`, "u");
    const escaped = translated(regex);
    fc.assert(
      fc.property(texts, (text) => {
        expect([text, escaped.test(inside(text))]).toEqual([text, plain.test(text)]);
      }),
    );
  });

  test("accepts only text that is valid in JSON", () => {
    expect(translated(".*").test('a"b')).toBe(false);
    expect(translated("[^a]*").test("\\")).toBe(false);
    expect(translated(".*").test("\t")).toBe(false);
  });
});
