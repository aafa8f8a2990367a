// Random JSON schemas that use every enforced keyword, and the property that every output must have.

import { expect } from "bun:test";
import Ajv from "ajv/dist/2020.js";
import fc from "fast-check";
import type { RealApp } from "./real-app.ts";

type Schema = Readonly<Record<string, unknown>> | boolean;

/** Formats, as loosely as a validator can interpret them. */
const FORMATS = {
  date: /^\d{4}-\d\d-\d\d$/,
  time: /^\d\d:\d\d:\d\d/,
  ipv4: /^\d+\.\d+\.\d+\.\d+$/,
  uuid: /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/,
};

const small = fc.integer({ min: -20, max: 20 });

const bounded = (keyword: string, least: fc.Arbitrary<number>, size: number) =>
  fc.tuple(least, fc.nat(size)).map(([min, extra]) => ({
    [`min${keyword}`]: min,
    [`max${keyword}`]: min + extra,
  }));

const texts: fc.Arbitrary<Schema> = fc.oneof(
  bounded("Length", fc.nat(3), 4).map((bounds) => ({ type: "string", ...bounds })),
  fc.constantFrom("^[a-z]{1,3}$", "^\\d+(\\.\\d)?$", "a|b", '^[^"]?x', "é+$").map((pattern) => ({
    ...{ type: "string", pattern, maxLength: 9 },
  })),
  fc.constantFrom(...Object.keys(FORMATS)).map((format) => ({ type: "string", format })),
);

const numbers: fc.Arbitrary<Schema> = fc.oneof(
  fc.constantFrom({ type: "integer" }, { type: "boolean" }, { type: "null" }, { type: "number" }),
  fc.tuple(small, fc.nat(30)).map(([minimum, extra]) => ({
    ...{ type: "integer", minimum, maximum: minimum + extra },
  })),
  fc.tuple(small, fc.integer({ min: 1, max: 9 })).map(([exclusiveMinimum, extra]) => ({
    ...{ type: "number", exclusiveMinimum, exclusiveMaximum: exclusiveMinimum + extra },
  })),
  fc.constantFrom(2, 5, 7, 12).map((multipleOf) => ({
    ...{ type: "integer", multipleOf, minimum: 0, maximum: 1000 },
  })),
);

const values = fc.oneof(
  small,
  fc.string({ maxLength: 5 }),
  fc.constantFrom(null, true, false, "é😀", [1, "a"], { k: [null] }, 1.5),
);

const names = fc.uniqueArray(fc.constantFrom("a", "b", "name", "é", 'q"', "x y", "1"), {
  maxLength: 4,
});

function objects(schema: fc.Arbitrary<Schema>): fc.Arbitrary<Schema> {
  return fc
    .tuple(
      names,
      fc.array(schema, { minLength: 4, maxLength: 4 }),
      fc.constantFrom<Schema | undefined>(false, true, undefined, { type: "integer" }),
      fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      fc.boolean(),
    )
    .map(([keys, schemas, others, needed, hasPattern]) => ({
      type: "object",
      properties: Object.fromEntries(keys.map((key, i) => [key, schemas[i]])),
      required: keys.filter((_, i) => needed[i]),
      ...(others !== undefined && { additionalProperties: others }),
      ...(hasPattern && { patternProperties: { "^p[0-9]$": { type: "boolean" } } }),
    }));
}

function arrays(schema: fc.Arbitrary<Schema>): fc.Arbitrary<Schema> {
  return fc.oneof(
    fc.tuple(schema, bounded("Items", fc.nat(2), 2)).map(([items, bounds]) => ({
      ...{ type: "array", items, ...bounds },
    })),
    fc.array(schema, { minLength: 1, maxLength: 3 }).map((prefixItems) => ({
      ...{ type: "array", prefixItems, items: false, minItems: prefixItems.length - 1 },
    })),
  );
}

const node = fc.letrec<{ schema: Schema }>((tie) => ({
  schema: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    texts,
    numbers,
    values.map((value) => ({ const: value })),
    fc.array(values, { minLength: 1, maxLength: 4 }).map((list) => ({ enum: list })),
    fc.constant({ $ref: "#/$defs/tree" }),
    objects(tie("schema")),
    arrays(tie("schema")),
    fc.array(tie("schema"), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    fc
      .tuple(objects(tie("schema")), fc.constant({ minProperties: 0, required: [] }))
      .map((allOf) => ({ allOf })),
  ),
})).schema;

/** A recursive list of lists. */
const TREE = { type: "array", items: { $ref: "#/$defs/tree" }, maxItems: 2 };

export const randomSchema: fc.Arbitrary<Readonly<Record<string, unknown>>> = node.map((schema) => ({
  ...(schema as object),
  $defs: { tree: TREE },
}));

export interface Outcomes {
  /** Number of complete outputs, all of which conformed. */
  numStopped: number;
  numCut: number;
  /** Number of contradictory schemas, which were refused. */
  numRefused: number;
}

/** Generates one output for a schema, and expects it to be valid or truncated. */
export async function checkOutput(
  app: RealApp,
  schema: Readonly<Record<string, unknown>>,
  fields: object,
  outcomes: Outcomes,
): Promise<void> {
  const response = await app.post("/v1/completions", {
    ...{ prompt: "a b", temperature: 1, ...fields },
    response_format: { type: "json_schema", json_schema: { name: "s", schema } },
  });
  const body = (await response.json()) as {
    error?: { message: string };
    choices: [{ text: string; finish_reason: string }];
  };
  if (response.status === 400) {
    expect(body.error?.message).toMatch(/Unsatisfiable|no text fits|incompatible/);
    outcomes.numRefused++;
    return;
  }
  const [{ text, finish_reason }] = body.choices;
  if (finish_reason === "length") outcomes.numCut++;
  else {
    expect(finish_reason).toBe("stop");
    const validator = new Ajv({ strict: false, formats: FORMATS });
    const isValid = validator.validate(schema, JSON.parse(text));
    expect([schema, text, isValid ? "valid" : validator.errorsText()]).toEqual([
      schema,
      text,
      "valid",
    ]);
    outcomes.numStopped++;
  }
}
