// JSON schema keywords that are dropped because the grammar engine cannot enforce them.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { enforceable, loosened } from "../../../src/api/grammar/json-schema.ts";
import { loosenedText } from "../../../src/api/grammar/schema-text.ts";
import type { JsonObject } from "../../../src/api/schema/json-value.ts";

const kept = [
  { type: "object", properties: { a: { type: "string", minLength: 1 } }, required: ["a"] },
  { type: ["string", "null"], format: "date", maxLength: 10 },
  { enum: [1, "1", null, { a: [] }] },
  { type: "array", prefixItems: [{ const: 1 }, true], items: false, minItems: 1 },
  {
    anyOf: [
      { type: "integer", minimum: 0 },
      { type: "number", multipleOf: 0.25 },
    ],
  },
  { type: "object", additionalProperties: { type: "boolean" }, minProperties: 1 },
  { type: "number", minimum: 0, exclusiveMinimum: true },
];

describe("a schema that can be enforced", () => {
  test.each(kept.map((schema) => [schema]))("%j is kept", (schema) => {
    expect(enforceable(schema)).toEqual({ schema, dropped: [] });
    expect(loosened(schema)).toEqual({ schema, dropped: [] });
  });

  test("loses annotations and unknown keywords, but keeps properties with the same names", () => {
    const schema = {
      title: "T",
      description: "d",
      default: {},
      "x-order": 1,
      type: "object",
      properties: { title: { type: "string", examples: ["a"] }, default: {} },
    };
    expect(enforceable(schema)).toEqual({
      schema: { type: "object", properties: { title: { type: "string" }, default: {} } },
      dropped: [],
    });
  });

  test("loses keywords that allow everything", () => {
    const schema = {
      type: "array",
      uniqueItems: false,
      unevaluatedItems: true,
      minContains: 1,
      items: { type: "integer", format: "int32", required: true, propertyNames: {} },
    };
    expect(enforceable(schema)).toEqual({
      schema: { type: "array", items: { type: "integer" } },
      dropped: [],
    });
  });

  test("collects the targets of its references, even recursive ones, in one place", () => {
    const schema = {
      $ref: "#/components/schemas/a~1b",
      components: {
        schemas: {
          "a/b": { type: "object", properties: { next: { $ref: "#/definitions/c%20d" } } },
        },
      },
      definitions: { "c d": { anyOf: [{ $ref: "#/components/schemas/a~1b" }, { $ref: "#" }] } },
    };
    expect(enforceable(schema)).toEqual({
      schema: {
        $ref: "#/$defs/d0",
        $defs: {
          d0: { type: "object", properties: { next: { $ref: "#/$defs/d1" } } },
          d1: { anyOf: [{ $ref: "#/$defs/d0" }, { $ref: "#" }] },
        },
      },
      dropped: [],
    });
  });
});

describe("keywords that cannot be enforced", () => {
  test.each([
    ["not", { not: {} }],
    ["if", { if: {}, else: {} }],
    ["uniqueItems", { uniqueItems: true }],
    ["contains", { contains: {} }],
    ["propertyNames", { propertyNames: { pattern: "^a" } }],
    ["dependentRequired", { dependentRequired: {} }],
    ["unevaluatedProperties", { unevaluatedProperties: false }],
    ["type", { type: "any" }],
    ["type", { type: [] }],
    ["enum", { enum: [] }],
    ["enum", { enum: Array.from({ length: 10_001 }, (_, i) => i) }],
    ["format", { format: "binary" }],
    ["pattern", { pattern: "^(?!x)" }],
    ["pattern", { pattern: 5 }],
    ["minimum", { minimum: 1e18 }],
    ["minimum", { minimum: "3" }],
    ["minLength", { minLength: -1 }],
    ["multipleOf", { multipleOf: 0 }],
    ["multipleOf", { multipleOf: 99_991 }],
    ["$ref", { $ref: "https://example.com/schema.json" }],
    ["$ref", { $ref: "#/$defs/missing" }],
    ["$dynamicRef", { $dynamicRef: "#node" }],
    ["properties", { properties: [] }],
    [
      "properties",
      { properties: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`p${i}`, {}])) },
    ],
    ["allOf", { allOf: {} }],
    ["anyOf", { anyOf: [] }],
    ["items", { items: "string" }],
  ])("%s is dropped and reported (%#)", (keyword, schema) => {
    const all = { type: "object", properties: { a: { ...schema, minItems: 1 } } };
    const reduced = loosened(all);
    expect(reduced.dropped.at(0)).toEqual({ keyword, path: "#/properties/a" });
    expect(enforceable(all).dropped.at(0)).toEqual({ keyword, path: "#/properties/a" });
    const a = (reduced.schema["properties"] as Record<string, object>)["a"];
    expect(a).toEqual(keyword === "items" ? { minItems: 1, items: {} } : { minItems: 1 });
  });

  test("include additionalProperties if properties that it depends on are dropped", () => {
    const schema = { patternProperties: { "(?=a)": {} }, additionalProperties: false };
    expect(loosened(schema)).toEqual({
      schema: {},
      dropped: [
        { keyword: "patternProperties", path: "#" },
        { keyword: "additionalProperties", path: "#" },
      ],
    });
  });

  test("include items if a prefix that it depends on is dropped", () => {
    expect(loosened({ prefixItems: {}, items: false }).schema).toEqual({});
  });

  test("are limited in depth, size and length", () => {
    let deep: JsonObject = { type: "string" };
    for (let i = 0; i < 1000; i++) deep = { type: "object", properties: { a: deep } };
    const nested = loosened(deep);
    expect(nested.dropped).toEqual([
      { keyword: "a", path: `#${"/properties/a".repeat(40)}/properties` },
    ]);
    const wide = { anyOf: Array.from({ length: 10_002 }, () => ({ type: "null" })) };
    expect(enforceable(wide).dropped[0]).toEqual({ keyword: "9999", path: "#/anyOf" });
    const long = { type: "string", const: "x".repeat(2 ** 20) };
    expect(enforceable(long)).toEqual({
      schema: { type: "string" },
      dropped: [{ keyword: "const", path: "#" }],
    });
  });
});

describe("loosening", () => {
  test("turns oneOf into anyOf, which llguidance never refuses", () => {
    const options = [{ type: "object" }, { properties: { a: {} } }];
    expect(loosened({ oneOf: options })).toEqual({ schema: { anyOf: options }, dropped: [] });
    expect(enforceable({ oneOf: options }).schema).toEqual({ oneOf: options });
    expect(loosened({ anyOf: [true], oneOf: options, allOf: [{}] }).schema).toEqual({
      anyOf: [true],
      allOf: [{}, { anyOf: options }],
    });
  });

  test("never fails and does not change a loosened schema any further", () => {
    fc.assert(
      fc.property(fc.dictionary(anyKeyword, fc.jsonValue(), { maxKeys: 6 }), (schema) => {
        const once = loosened(schema as JsonObject);
        expect(loosened(once.schema)).toEqual({ schema: once.schema, dropped: [] });
      }),
    );
  });
});

const anyKeyword = fc.constantFrom(
  ...["type", "properties", "items", "anyOf", "oneOf", "allOf", "$ref", "enum", "pattern", "not"],
  ...["patternProperties", "additionalProperties", "required", "if", "then", "$defs", "minimum"],
);

describe("a loosened schema's text", () => {
  test("includes the whitespace options and is returned with the dropped keywords", () => {
    const { text, dropped } = loosenedText({ type: "string", format: "binary" });
    expect(JSON.parse(text)).toEqual({
      type: "string",
      "x-guidance": { whitespace_pattern: expect.any(String) },
    });
    expect(dropped).toEqual([{ keyword: "format", path: "#" }]);
  });
});
