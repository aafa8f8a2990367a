// Converts a body's fields into one grammar: the names of each constraint, the limit of one
// constraint at a time, and the values that each constraint refuses.

import { describe, expect, test } from "bun:test";
import type { SamplingBody } from "../../src/api/schemas.ts";
import { grammarOf } from "../../src/api/structured-output.ts";
import { RequestError } from "../../src/errors.ts";

const FIELDS = [
  ...["response_format", "structured_outputs", "structural_tag", "json_schema", "grammar", "ebnf"],
  ...["regex", "guided_json", "guided_regex", "guided_choice", "guided_grammar"],
];
const EMPTY = Object.fromEntries(FIELDS.map((name) => [name, null]));
const grammarIn = (fields: object) => grammarOf({ ...EMPTY, ...fields } as unknown as SamplingBody);

const SCHEMA = { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"] };
const WHITESPACE = "[ \\t]*(\\r?\\n[ \\t]*){0,2}";
const schemaOf = (fields: object) => {
  const { kind, text } = grammarIn(fields) ?? { kind: null, text: "null" };
  expect(kind).toBe("json_schema");
  return JSON.parse(text);
};
const withOptions = (schema: object) => ({
  ...schema,
  "x-guidance": { whitespace_pattern: WHITESPACE },
});

describe("a JSON schema", () => {
  test.each([
    ["OpenAI", { response_format: { type: "json_schema", json_schema: { schema: SCHEMA } } }],
    ["vLLM", { structured_outputs: { json: SCHEMA } }],
    ["vLLM, as text", { structured_outputs: { json: JSON.stringify(SCHEMA) } }],
    ["vLLM before 0.11", { guided_json: SCHEMA }],
    ["vLLM before 0.11, as text", { guided_json: JSON.stringify(SCHEMA) }],
    ["llama-server", { json_schema: SCHEMA }],
    [
      "llama-server's response_format",
      { response_format: { type: "json_object", schema: SCHEMA } },
    ],
    ["SGLang", { json_schema: JSON.stringify(SCHEMA) }],
    ["a schema without its name", { response_format: { type: "json_schema", schema: SCHEMA } }],
  ])("is accepted in the field used by %s", (_, fields) => {
    expect(schemaOf(fields)).toEqual(withOptions(SCHEMA));
  });

  test.each([
    ["response_format", { response_format: { type: "json_object" } }],
    ["structured_outputs", { structured_outputs: { json_object: true } }],
  ])("that allows any object is requested by %s", (_, fields) => {
    expect(schemaOf(fields)).toEqual(withOptions({ type: "object" }));
  });

  test("can be true, which allows any JSON, but not false", () => {
    expect(schemaOf({ guided_json: "true" })).toEqual(withOptions({}));
    expect(schemaOf({ structured_outputs: { json: true } })).toEqual(withOptions({}));
    expect(() => grammarIn({ guided_json: "false" })).toThrow("allows no output");
  });

  test("can have whitespace options", () => {
    const json = { json: SCHEMA, whitespace_pattern: " ?" };
    expect(schemaOf({ structured_outputs: json })["x-guidance"]).toEqual({
      whitespace_pattern: " ?",
    });
    const old = { guided_json: SCHEMA, guided_whitespace_pattern: "\\n" };
    expect(schemaOf(old)["x-guidance"]).toEqual({ whitespace_pattern: "\\n" });
    const compact = { json: SCHEMA, disable_any_whitespace: true };
    expect(schemaOf({ structured_outputs: compact })["x-guidance"]).toEqual({
      whitespace_flexible: false,
    });
  });

  test("drops a client's own options for llguidance", () => {
    const schema = { ...SCHEMA, "x-guidance": { lenient: true, coerce_one_of: true } };
    expect(schemaOf({ guided_json: schema })).toEqual(withOptions(SCHEMA));
  });
});

describe("other constraints", () => {
  test.each([
    ["structured_outputs", { structured_outputs: { regex: "[0-9]{3}" } }, "regex", "[0-9]{3}"],
    ["guided_regex", { guided_regex: "\\d\\/" }, "regex", "[0-9]/"],
    ["regex", { regex: "a{b" }, "regex", "a\\{b"],
    ["choice", { structured_outputs: { choice: ["a", "b.c"] } }, "regex", "a|b\\u{2e}c"],
    ["guided_choice", { guided_choice: ["red", "blue"] }, "regex", "red|blue"],
    ["grammar", { structured_outputs: { grammar: 'root ::= "a"' } }, "lark", "start: /a/"],
    ["guided_grammar", { guided_grammar: 'start: "a"' }, "lark", 'start: "a"'],
    [
      "llama-server's grammar",
      { grammar: "root ::= [a-c]+" },
      "lark",
      "start: /(?:[\\u{61}-\\u{63}]){1,}/",
    ],
    ["SGLang's ebnf", { ebnf: 'root ::= "a"?' }, "lark", "start: /(?:a){0,1}/"],
  ])("%s", (_, fields, kind, text) => {
    expect(grammarIn(fields)).toMatchObject({ kind: kind as "lark", text });
  });

  test.each([
    [{}],
    [{ response_format: { type: "text" } }],
    [{ guided_json: null, guided_choice: false, grammar: "" }],
  ])("are not found in %j", (fields) => {
    expect(grammarIn(fields)).toBeNull();
  });

  test("keep the field's name for the engine's errors", () => {
    expect(grammarIn({ guided_regex: "a" })?.param).toBe("guided_regex");
  });
});

describe("an invalid constraint", () => {
  const format = (json_schema: unknown) => ({
    response_format: { type: "json_schema", json_schema },
  });
  const CASES: [name: string, fields: object, param: string, message: string][] = [
    [
      "two fields",
      { guided_regex: "a", response_format: { type: "json_object" } },
      "guided_regex",
      "You can only use one kind of constraints for structured outputs, got `response_format` and `guided_regex`.",
    ],
    [
      "two kinds",
      { structured_outputs: { regex: "a", choice: ["b"] } },
      "structured_outputs",
      "multiple are specified: regex, choice",
    ],
    [
      "no kind",
      { structured_outputs: {} },
      "structured_outputs",
      "You must use one kind of structured outputs constraint but none are specified.",
    ],
    [
      "only options",
      { structured_outputs: { whitespace_pattern: "a", json_object: false } },
      "structured_outputs",
      "none are specified",
    ],
    ["not an object", { structured_outputs: "a" }, "structured_outputs", "must be an object"],
    [
      "a whitespace pattern that is not a string",
      { structured_outputs: { json: {}, whitespace_pattern: 1 } },
      "structured_outputs",
      "'whitespace_pattern' must be a string.",
    ],
    [
      "json_schema missing",
      { response_format: { type: "json_schema" } },
      "response_format",
      "must be provided",
    ],
    [
      "json_schema without a schema",
      format({ name: "a" }),
      "response_format",
      "must have a 'schema'",
    ],
    ["a json_schema that is not an object", format([]), "response_format", "must be an object"],
    [
      "a schema that is not an object",
      format({ schema: 5 }),
      "response_format",
      "must be an object",
    ],
    ["text that is not JSON", { guided_json: "{" }, "guided_json", "not valid JSON"],
    ["a tag that is not JSON", { structural_tag: "{" }, "structural_tag", "not valid JSON"],
    [
      "a keyword that cannot be enforced",
      format({ schema: { properties: { a: { items: { uniqueItems: true } } } } }),
      "response_format",
      '`response_format` cannot be enforced: "uniqueItems" at #/properties/a/items',
    ],
    [
      "a regex that is not a string",
      { structured_outputs: { regex: 5 } },
      "structured_outputs",
      "nonempty string",
    ],
    ["look-around", { guided_regex: "(?=a)b" }, "guided_regex", "cannot have look-around"],
    [
      "a long regex",
      { guided_regex: "a".repeat(8193) },
      "guided_regex",
      "at most 8192 characters, got 8193",
    ],
    ["no choices", { guided_choice: [] }, "guided_choice", "nonempty list"],
    [
      "choices that are not all strings",
      { guided_choice: ["a", 1] },
      "guided_choice",
      "list of strings",
    ],
    ["a grammar of spaces", { grammar: " " }, "grammar", "nonempty string"],
    [
      "a faulty grammar",
      { grammar: "root ::= (" },
      "grammar",
      "invalid grammar: line 1: expected )",
    ],
    [
      "a long grammar",
      { grammar: `start: "${"a".repeat(32_768)}"` },
      "grammar",
      "at most 32768 characters",
    ],
  ];
  test.each(CASES)("%s", (_, fields, param, message) => {
    let caught: unknown = null;
    try {
      grammarIn(fields);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(RequestError);
    expect(caught).toMatchObject({ code: "invalid_value", param });
    expect((caught as Error).message).toContain(message);
  });
});
