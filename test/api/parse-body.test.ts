// Checks bodies against schemas: what pydantic would accept is converted to exact values, and the rest gets
// pydantic's errors.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fieldsSaid, parseBody } from "../../src/api/parse-body.ts";
import type { JsonObject } from "../../src/api/schema/json-value.ts";
import {
  anything,
  boolean,
  converted,
  either,
  type Fields,
  float,
  integer,
  integerIn,
  integers,
  list,
  nullable,
  object,
  oneOf,
  optional,
  record,
  required,
  shape,
  string,
  stringOrList,
} from "../../src/api/schema/types.ts";
import { parseJson } from "../../src/json.ts";

const FIELDS = {
  flag: optional(boolean, false),
  count: optional(integer),
  small: optional(integerIn({ minimum: -1, maximum: 9 })),
  ratio: optional(float),
  name: optional(string),
  level: optional(oneOf("low", "high")),
  stop: optional(stringOrList, []),
  ids: optional(integers),
  counts: optional(list(integer)),
  bias: optional(record(float)),
  extra: optional(object),
  any: optional(anything),
  messages: optional(list(shape({ role: string, name: optional(string) }))),
  model: optional(shape({ flag: optional(boolean) }, "Model")),
  content: optional(either(string, list(shape({ type: string })))),
} as const;

/** @returns the field's parsed value from a body with this JSON text */
function read(name: keyof typeof FIELDS, json: string): unknown {
  const body = parseJson(`{"${name}":${json}}`, ["any", "extra"]) as JsonObject;
  return parseBody(FIELDS, body)[name];
}

/** @returns the error's lines, except the first, which counts them */
function faults<T>(fields: Fields<T>, body: object): string[] {
  try {
    parseBody(fields, body as JsonObject);
  } catch (error) {
    return (error as Error).message.split("\n  ").slice(1);
  }
  return [];
}

describe("a value that pydantic converts", () => {
  test.each([
    ["flag", "true", true],
    ["flag", '"Yes"', true],
    ["flag", "0", false],
    ["flag", "null", false],
    ["count", "1.0", 1],
    ["count", '" 7 "', 7],
    ["count", "true", 1],
    ["count", "9007199254740993", 9007199254740993n],
    ["count", '"9007199254740993"', 9007199254740993n],
    ["count", "null", null],
    ["small", '"-1"', -1],
    ["ratio", '"1e-3"', 0.001],
    ["name", '"\\ud800"', "\ufffd"],
    ["level", '"high"', "high"],
    ["stop", '"x"', ["x"]],
    ["stop", '["x","y"]', ["x", "y"]],
    ["ids", '[1,"2",9007199254740993]', [1, 2, 9007199254740993n]],
    ["ids", "[]", []],
    ["counts", '["3"]', [3]],
    ["bias", '{"1":"0.5"}', { "1": 0.5 }],
    ["bias", "{}", {}],
    ["any", "[1]", [1]],
    ["messages", '[{"role":"a","name":null,"more":1}]', [{ role: "a", name: null, more: 1 }]],
    ["content", '[{"type":"text"}]', [{ type: "text" }]],
  ] as const)("is accepted in the field %s: %s", (name, json, value) => {
    expect(read(name, json)).toEqual(value);
  });

  test("is not copied if it is a list of plain integers", () => {
    const ids = [1, 2, 3];
    expect(parseBody(FIELDS, { ids }).ids).toBe(ids);
  });
});

describe("a value that pydantic refuses", () => {
  test.each<[body: object, ...lines: string[]]>([
    [{ flag: 2 }, "bool_parsing ('body', 'flag') boolean, unable to interpret input"],
    [{ flag: [] }, "bool_type ('body', 'flag') boolean"],
    [{ count: "x" }, "int_parsing ('body', 'count') integer, unable to parse string as an integer"],
    [{ count: {} }, "int_type ('body', 'count') integer"],
    [
      { count: 1.5 },
      "int_from_float ('body', 'count') integer, got a number with a fractional part",
    ],
    [{ count: 1e19 }, "int_parsing_size ('body', 'count') integer, the number is too large"],
    [{ ratio: "x" }, "float_parsing ('body', 'ratio') number, unable to parse string as a number"],
    [{ ratio: [] }, "float_type ('body', 'ratio') number"],
    [{ name: 5 }, "string_type ('body', 'name') string"],
    [{ stop: 5 }, "list_type ('body', 'stop') list"],
    [{ stop: ["a", 5] }, "string_type ('body', 'stop', 1) string"],
    [
      { ids: [1, [], "x"] },
      "int_type ('body', 'ids', 1) integer",
      "int_parsing ('body', 'ids', 2) integer, unable to parse string as an integer",
    ],
    [{ ids: {} }, "list_type ('body', 'ids') list"],
    [{ bias: { "0": [] } }, "float_type ('body', 'bias', '0') number"],
    [{ bias: [] }, "dict_type ('body', 'bias') dictionary"],
    [{ extra: [] }, "dict_type ('body', 'extra') dictionary"],
    [{ messages: [5] }, "dict_type ('body', 'messages', 0) dictionary"],
    [
      { model: 5 },
      "model_attributes_type ('body', 'model') dictionary or object to extract fields from",
    ],
    [
      { model: { flag: "x" } },
      "bool_parsing ('body', 'model', 'flag') boolean, unable to interpret input",
    ],
    [{ content: 5 }, "list_type ('body', 'content') list"],
    [{ content: [{ type: 5 }] }, "string_type ('body', 'content', 0, 'type') string"],
  ])("%j", (body, ...lines) => {
    const expected = lines.map((line) => {
      const [, type, loc, tail] = /^(\w+) (\(.*?\)) (.*)$/.exec(line) ?? [];
      return `{'type': '${type}', 'loc': ${loc}, 'msg': 'Input should be a valid ${tail}'}`;
    });
    expect(faults(FIELDS, body)).toEqual(expected);
  });

  test.each<[body: object, line: string]>([
    [{ messages: [{}] }, "missing ('body', 'messages', 0, 'role') 'Field required'"],
    [{ content: [{}] }, "missing ('body', 'content', 0, 'type') 'Field required'"],
    [{ small: 10 }, "less_than_equal ('body', 'small') 'Input should be less than or equal to 9'"],
    [
      { small: -2 },
      "greater_than_equal ('body', 'small') 'Input should be greater than or equal to -1'",
    ],
    [{ level: "mid" }, "literal_error ('body', 'level') \"Input should be 'low' or 'high'\""],
  ])("%j", (body, line) => {
    const [, type, loc, message] = /^(\w+) (\(.*?\)) (.*)$/.exec(line) ?? [];
    expect(faults(FIELDS, body)).toEqual([`{'type': '${type}', 'loc': ${loc}, 'msg': ${message}}`]);
  });

  test("is found in every field and item, in schema order", () => {
    const body = { messages: [5, {}], count: "x", flag: 2 };
    expect(faults(FIELDS, body).map((line) => /'loc': (\(.*?\))/.exec(line)?.[1])).toEqual([
      "('body', 'flag')",
      "('body', 'count')",
      "('body', 'messages', 0)",
      "('body', 'messages', 1, 'role')",
    ]);
  });

  test("is listed up to 20 times and only counted after that", () => {
    const lines = faults(FIELDS, { stop: Array(25).fill(1) });
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe("and 5 more");
  });

  test("is counted up to 100,000 times, so a long list is cheap", () => {
    const ids = Array(1_000_000).fill(1.5);
    expect(() => parseBody(FIELDS, { ids })).toThrow(/^at least 100000 validation errors:\n/);
    const last = [...Array(1_000_000).fill(1), "x"];
    expect(() => parseBody(FIELDS, { ids: last })).toThrow("('body', 'ids', 1000000)");
  });

  test("is named by its key, no matter what the key contains", () => {
    const body = { bias: { "a/b~c": [], [`${"k".repeat(200)}`]: [] } };
    expect(faults(FIELDS, body)[0]).toContain("('body', 'bias', 'a/b~c')");
    expect(faults(FIELDS, body)[1]).toContain(`'bias', '${"k".repeat(100)}')`);
  });
});

describe("a field", () => {
  const fields = {
    id: required(integer),
    limit: nullable(integer),
    stop: optional(stringOrList, []),
  };

  test("that is required must be set", () => {
    const line = "{'type': 'missing', 'loc': ('body', 'id'), 'msg': 'Field required'}";
    for (const body of [{}, { id: null }, { id: undefined }])
      expect(faults(fields, body)).toEqual([line]);
  });

  test("distinguishes null from absent", () => {
    const limitOf = (body: object) => parseBody(fields, { id: 1, ...body }).limit;
    expect(limitOf({})).toBeUndefined();
    expect(limitOf({ limit: null })).toBeNull();
    expect(limitOf({ limit: "5" })).toBe(5);
  });

  test("counts as set if it differs from its default", () => {
    expect(fieldsSaid(fields, parseBody(fields, { id: 1 }))).toEqual({ id: 1 });
    expect(fieldsSaid(fields, parseBody(fields, { id: 1, stop: "x" }))).toEqual({
      id: 1,
      stop: ["x"],
    });
  });

  test("is converted after validation", () => {
    const doubled = { n: optional(converted(integer, (n) => Number(n) * 2)) };
    expect(parseBody(doubled, { n: "2" })).toEqual({ n: 4 });
    expect(parseBody(doubled, {})).toEqual({ n: null });
  });

  test("is ignored if the schema does not have it", () => {
    expect(parseBody({ n: optional(integer) }, { n: 1, other: {} })).toEqual({ n: 1 });
  });
});

test("any JSON either parses or yields errors at its own keys", () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(FIELDS)), fc.jsonValue(), (name, value) => {
      for (const line of faults(FIELDS, { [name]: value }).slice(0, 20))
        expect(line).toStartWith("{'type': '");
    }),
  );
});
