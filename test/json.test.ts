// JSON from clients in other languages: large integers, number notation, and lone surrogates.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseJson, WrittenNumber, writeJson } from "../src/json.ts";

describe("parseJson()", () => {
  test("keeps every digit of an integer at any position", () => {
    const text =
      '{"a":9007199254740993, "b":[-9223372036854775808 , 18446744073709551616],"c":[9007199254740991]}';
    expect(parseJson(text)).toEqual({
      a: 9007199254740993n,
      b: [-9223372036854775808n, 18446744073709551616n],
      c: [9007199254740991],
    });
  });

  test("does not change floats or digits in strings", () => {
    const text = '[0.30000000000000004,1e300,9007199254740993.0,"x, 12345678901234567890, y",1]';
    expect(parseJson(text)).toEqual(JSON.parse(text));
  });

  test("matches JSON.parse() for numbers of all lengths and notations next to a long integer", () => {
    const text =
      "[0,-0,7,123456789012345,999999999999999,-5,0.5,10e2,1E-2,12.0,9007199254740991 ,1\n]";
    expect(parseJson(`[${text},9007199254740993]`)).toEqual([JSON.parse(text), 9007199254740993n]);
  });

  test("reads an integer with a million digits quickly, as a number", () => {
    expect(parseJson(`[${"9".repeat(1_000_000)}]`)).toEqual([Number.POSITIVE_INFINITY]);
  });

  test("keeps the notation of whole and infinite floats in the requested members", () => {
    const text = '{"a":[1.0,1e400,{"b":-0.0}],"c":[1.0,1e400,{"a":2.0}],"temperature":1.0,"d":1.5}';
    const value = parseJson(text, ["a", "d"]);
    expect(value).toEqual({
      a: [new WrittenNumber("1.0"), new WrittenNumber("1e400"), { b: new WrittenNumber("-0.0") }],
      c: [1, Number.POSITIVE_INFINITY, { a: 2 }],
      temperature: 1,
      d: 1.5,
    });
  });

  test("keeps the notation of integers with more than 40 digits on request", () => {
    const digits = "9".repeat(41);
    expect(parseJson(`{"a":${digits},"b":${digits}}`, ["a"])).toEqual({
      a: new WrittenNumber(digits),
      b: Number(digits),
    });
  });

  test.each([
    ["18446744073709551616", 18446744073709551616n],
    [" -18446744073709551616 ", -18446744073709551616n],
    ["1e400", Number.POSITIVE_INFINITY],
    ["1.0", 1],
  ])("reads %j, a top-level number", (text, value) => {
    expect(parseJson(text, ["a"])).toEqual(value);
  });

  test("matches JSON.parse() for values next to an unusual number", () => {
    const property = fc.property(fc.json(), fc.json(), (left, right) => {
      const text = `[${left}, 18446744073709551616 ,${right}]`;
      expect(JSON.parse(writeJson(parseJson(text, ["a"])))).toEqual(JSON.parse(text));
    });
    fc.assert(property, { numRuns: 500 });
  });

  test("matches JSON.parse() for escapes, whitespace, and duplicate names next to an unusual number", () => {
    const rest =
      '"x":{"y":[],"z":{},"":[ true , false,null ]},"\\u0061\\\\":"\\"\\\\","s":["a\\n","b","\\\\"],' +
      '"__proto__":{"q":1},"1":2,"x2":-0,"f":[1.5,-2e-3,0.1] , "x":3';
    const value = parseJson(` {\t"i" : 12345678901234567890 ,\r\n${rest}} `, ["x"]);
    const { i, ...others } = value as Record<string, unknown>;
    expect(i).toBe(12345678901234567890n);
    expect(others).toEqual(JSON.parse(`{${rest}}`));
    expect(Object.keys(value as object)).toEqual(Object.keys(JSON.parse(`{"i":0,${rest}}`)));
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  test.each([
    ["reads the first half of a surrogate pair as U+FFFD", '"a\\ud83d b"', "a\ufffd b"],
    ["reads the second half of a surrogate pair as U+FFFD", '"\\uDE00"', "\ufffd"],
    ["reads halves in the wrong order as U+FFFD", '"\\ude00\\ud83d"', "\ufffd\ufffd"],
    ["reads a half before a pair as U+FFFD", '"\\ud83d\\ud83d\\ude00"', "\ufffd\u{1f600}"],
    ["reads a surrogate pair", '"\\uD83D\\uDE00"', "\u{1f600}"],
    ["reads a pair split by a letter as U+FFFD", '"\\ud83dx\\ude00"', "\ufffdx\ufffd"],
    ["reads an escaped backslash before the letters of an escape", '"\\\\ud83d"', "\\ud83d"],
  ])("%s", (_, text, value) => {
    expect(parseJson(text)).toBe(value);
    expect(parseJson(`{${text}:1}`)).toEqual({ [value]: 1 });
  });

  test("rejects the same text as JSON.parse()", () => {
    const escapes = ['"\\ud83"', '"\\ud8zz"', '"\\ud83d\\ude"', '"\\ude0g"', '["\\ud8","x"]'];
    for (const text of ["", "[1,]", "[01]", '{"a":\ud83d}', ...escapes]) {
      expect(() => parseJson(text)).toThrow(SyntaxError);
    }
  });
});

describe("writeJson()", () => {
  test("writes the same text as JSON.stringify()", () => {
    const value = {
      a: [1.5, null, "\u{1f600}\n", true],
      b: { c: undefined, d: {} },
      e: Number.NaN,
    };
    expect(writeJson(value)).toBe(JSON.stringify(value));
    const half = { a: [undefined, 1n], b: undefined, c: { d: [] } };
    expect(writeJson(half)).toBe('{"a":[null,1],"c":{"d":[]}}');
  });

  test("round-trips the results of parseJson()", () => {
    const text = '{"a":[9007199254740993,-9223372036854775808],"b":{"c":18446744073709551616}}';
    expect(writeJson(parseJson(text))).toBe(text);
  });

  test("writes numbers in their original notation", () => {
    const text = '{"a":[1.0,1e400,-0.0,123456789012345678901234567890123456789012345]}';
    expect(writeJson(parseJson(text, ["a"]))).toBe(text);
  });

  test("keeps the notation of floats with 16 or more digits, even if they round to a whole number", () => {
    const text = '{"a":[999999999999999.99,12345678901234.5]}';
    expect(writeJson(parseJson(text, ["a"]))).toBe(text);
  });

  test("writes members in their original order, even if their names are numbers", () => {
    const text = '{"b":1,"a":[{"z":1,"10":{"2":[],"1":{}},"9":null,"x":"\\n"}],"10":{"9":1,"8":2}}';
    const written =
      '{"10":{"8":2,"9":1},"b":1,"a":[{"z":1,"10":{"2":[],"1":{}},"9":null,"x":"\\n"}]}';
    expect(writeJson(parseJson(text, ["a"]))).toBe(written);
    expect(parseJson(text, ["a"])).toEqual(JSON.parse(text));
    const twice = '{"a":{"x":1,"1":2,"x":3,"0":4}}';
    expect(writeJson(parseJson(twice, ["a"]))).toBe('{"a":{"x":3,"1":2,"0":4}}');
  });

  test("never writes a lone surrogate, as a value or as a name", () => {
    expect(writeJson({ "\ud83d": ["\ude00", "\\ud83d"] })).toBe(
      '{"\\ufffd":["\\ufffd","\\\\ud83d"]}',
    );
    expect(writeJson(new Map([["\ud83d", 1n]]))).toBe('{"\\ufffd":1}');
  });

  test("writes a map as an object in the map's order", () => {
    const inner = new Map([
      ["10", 1],
      ["9", 2],
    ]);
    expect(writeJson({ z: [inner], a: 1 })).toBe('{"z":[{"10":1,"9":2}],"a":1}');
  });
});
