// searchRegex: an expression for whole strings that contain a match.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { searchRegex } from "../../src/formats/search-regex.ts";

const ANY = "(?s:.)*";

describe("searchRegex", () => {
  test.each([
    ["^a+$", "(?:a+)"],
    ["a", `(?:${ANY}a${ANY})`],
    ["^a|b$", `(?:a${ANY}|${ANY}b)`],
    ["^(?:a|b)$", "(?:(?:a|b))"],
    ["^[$^|]$", "(?:[$^|])"],
    [String.raw`^\$\^$`, String.raw`(?:\$\^)`],
    ["", `(?:${ANY}${ANY})`],
    ["^$", "(?:)"],
  ])("rewrites %s", (pattern, whole) => {
    expect(searchRegex(pattern)).toBe(whole);
  });

  test.each(["(^a)", "a(b$|c)", "a^b", "$a"])("cannot rewrite %s", (pattern) => {
    expect(searchRegex(pattern)).toBeNull();
  });

  test("matches the strings in which the original finds a match", () => {
    const part = fc.constantFrom("a", "b", "[ab]", "(?:a|b)", "a*", "|", "^", "$", String.raw`\$`);
    const pattern = fc.array(part, { maxLength: 6 }).map((parts) => parts.join(""));
    const text = fc.string({ unit: fc.constantFrom("a", "b", "$"), maxLength: 5 });
    fc.assert(
      fc.property(pattern, text, (original, value) => {
        const whole = searchRegex(original)?.replaceAll("(?s:.)", "[^]") ?? null;
        if (whole === null) return;
        const isFound = new RegExp(original).test(value);
        expect(new RegExp(`^${whole}$`).test(value)).toBe(isFound);
      }),
      { numRuns: 2000 },
    );
  });
});
