// looseSchema(): parts that are removed from a tool's schema so that its calls can be constrained
// at all.

import { describe, expect, test } from "bun:test";
import { looseSchema } from "../../src/api/loose-schema.ts";
import type { JsonObject } from "../../src/api/schema/json-value.ts";

const removedFrom = (schema: JsonObject) => [...looseSchema(schema).removed];

describe("a tool's schema", () => {
  test("keeps the parts that can be enforced, with objects closed", () => {
    const city = { type: "string", pattern: "^[A-Z]", maxLength: 20, format: "uuid" };
    const schema = { type: "object", properties: { city }, required: ["city"] };
    const { schema: loose, removed } = looseSchema(schema);
    expect(loose).toEqual({ ...schema, additionalProperties: false });
    expect([...removed]).toEqual([]);
  });

  test("keeps objects open if they are explicitly open", () => {
    for (const others of [true, { type: "string" }]) {
      const schema = { properties: { a: {} }, additionalProperties: others };
      expect(looseSchema(schema).schema).toEqual(schema);
    }
  });

  test.each<[string, JsonObject]>([
    ["pattern", { type: "string", pattern: "^(?!a)b" }],
    ["maxLength", { type: "string", maxLength: -1 }],
    ["format", { type: "string", format: "binary" }],
    ["uniqueItems", { type: "array", uniqueItems: true }],
    ["not", { not: { type: "string" } }],
    ["$ref", { $ref: "https://example.com/schema.json" }],
    ["propertyNames", { type: "object", propertyNames: { pattern: "^a" } }],
  ])("loses %s where it cannot be enforced, at any depth", (keyword, part) => {
    const schema = { properties: { list: { items: { anyOf: [part, { type: "null" }] } } } };
    expect(removedFrom(schema)).toEqual([keyword]);
  });

  test("keeps parameters whose names are keywords", () => {
    const properties = { not: { type: "string" }, pattern: { type: "string" }, format: {} };
    const { schema, removed } = looseSchema({ properties });
    expect(schema["properties"]).toEqual(properties);
    expect([...removed]).toEqual([]);
  });

  test("keeps values that look like keywords", () => {
    const schema = { enum: [{ not: 1 }], const: { pattern: "(?=a)" } };
    expect(looseSchema(schema).schema).toEqual(schema);
  });

  test("is truncated where it is nested too deeply", () => {
    let schema: JsonObject = { not: {} };
    for (let i = 0; i < 1000; i++) schema = { items: schema };
    expect(removedFrom(schema)).toEqual(["items"]);
  });
});
