// JSON of other languages: their integers and their halves of surrogate pairs.

import { describe, expect, test } from "bun:test";
import { parseJson, writeJson } from "../src/json.ts";

describe("parseJson()", () => {
  test("keeps every digit of an integer, whatever its place", () => {
    const text =
      '{"a":9007199254740993, "b":[-9223372036854775808 , 18446744073709551616],"c":[9007199254740991]}';
    expect(parseJson(text)).toEqual({
      a: 9007199254740993n,
      b: [-9223372036854775808n, 18446744073709551616n],
      c: [9007199254740991],
    });
  });

  test("leaves floats and digits in texts alone", () => {
    const text = '[0.30000000000000004,1e300,9007199254740993.0,"x, 12345678901234567890, y",1]';
    expect(parseJson(text)).toEqual(JSON.parse(text));
  });

  test("reads an integer of a million digits in no time, as a number", () => {
    expect(parseJson(`[${"9".repeat(1_000_000)}]`)).toEqual([Number.POSITIVE_INFINITY]);
  });

  test.each([
    ["the first half", '"a\\ud83d b"', "a\ufffd b"],
    ["the second half", '"\\uDE00"', "\ufffd"],
    ["halves in the wrong order", '"\\ude00\\ud83d"', "\ufffd\ufffd"],
    ["a half before a pair", '"\\ud83d\\ud83d\\ude00"', "\ufffd\u{1f600}"],
    ["a pair", '"\\uD83D\\uDE00"', "\u{1f600}"],
    ["a pair cut by a letter", '"\\ud83dx\\ude00"', "\ufffdx\ufffd"],
    ["an escaped backslash before the letters of one", '"\\\\ud83d"', "\\ud83d"],
  ])("%s", (_, text, value) => {
    expect(parseJson(text)).toBe(value);
    expect(parseJson(`{${text}:1}`)).toEqual({ [value]: 1 });
  });

  test("refuses what JSON.parse() refuses", () => {
    const escapes = ['"\\ud83"', '"\\ud8zz"', '"\\ud83d\\ude"', '"\\ude0g"', '["\\ud8","x"]'];
    for (const text of ["", "[1,]", "[01]", '{"a":\ud83d}', ...escapes]) {
      expect(() => parseJson(text)).toThrow(SyntaxError);
    }
  });
});

describe("writeJson()", () => {
  test("writes what JSON.stringify() writes", () => {
    const value = {
      a: [1.5, null, "\u{1f600}\n", true],
      b: { c: undefined, d: {} },
      e: Number.NaN,
    };
    expect(writeJson(value)).toBe(JSON.stringify(value));
    const half = { a: [undefined, 1n], b: undefined, c: { d: [] } };
    expect(writeJson(half)).toBe('{"a":[null,1],"c":{"d":[]}}');
  });

  test("reads back what parseJson() gives", () => {
    const text = '{"a":[9007199254740993,-9223372036854775808],"b":{"c":18446744073709551616}}';
    expect(writeJson(parseJson(text))).toBe(text);
  });

  test("never writes half a pair, as a value or as a name", () => {
    expect(writeJson({ "\ud83d": ["\ude00", "\\ud83d"] })).toBe(
      '{"\\ufffd":["\\ufffd","\\\\ud83d"]}',
    );
    expect(writeJson(new Map([["\ud83d", 1n]]))).toBe('{"\\ufffd":1}');
  });

  test("writes a map as an object in the map's own order", () => {
    const inner = new Map([
      ["10", 1],
      ["9", 2],
    ]);
    expect(writeJson({ z: [inner], a: 1 })).toBe('{"z":[{"10":1,"9":2}],"a":1}');
  });
});
