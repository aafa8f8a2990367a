// The prefix of a pattern at the end of streamed text, compared with a search over all lengths.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { MatchedPrefix } from "../../../src/engine/text/matched-prefix.ts";

function lengthsOf(pattern: string, parts: readonly string[]): number[] {
  const matched = new MatchedPrefix(pattern);
  return parts.map((part) => {
    matched.push(part);
    return matched.length;
  });
}

test("the prefix grows with the text, falls back to a shorter one, and is never the whole pattern", () => {
  expect(lengthsOf("aab", ["a", "a", "a", "b", "xa", ""])).toEqual([1, 2, 2, 0, 1, 1]);
  expect(lengthsOf("aba", ["ab", "a", "b", "a"])).toEqual([2, 1, 2, 1]);
  expect(lengthsOf("a", ["a", "aa"])).toEqual([0, 0]);
  expect(lengthsOf("😀x", ["\ud83d", "\ude00", "x"])).toEqual([1, 2, 0]);
});

test("the prefix is the longest proper one that the text ends with, no matter how the text is split", () => {
  const letters = { unit: fc.constantFrom("a", "b") };
  const patterns = fc.string({ ...letters, minLength: 1, maxLength: 6 });
  const parts = fc.array(fc.string({ ...letters, maxLength: 4 }));
  fc.assert(
    fc.property(patterns, parts, (pattern, pushed) => {
      const expected = pushed.map((_, i) => {
        const text = pushed.slice(0, i + 1).join("");
        const lengths = Array.from({ length: pattern.length }, (_, length) => length);
        return Math.max(...lengths.filter((length) => text.endsWith(pattern.slice(0, length))));
      });
      expect(lengthsOf(pattern, pushed)).toEqual(expected);
    }),
  );
});
