// Grammars designed to exhaust time, memory or stack: each is refused or affects only its own request, and its memory
// is freed afterward.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type RealApp, startRealApp } from "../support/real-app.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
const path = join(folder.path, "tiny.gguf");
let app: RealApp;

beforeAll(async () => {
  writeTinyGguf(path, { tokenizer: "bpe", weightType: "Q8_0" });
  app = await startRealApp(path, ["--max-model-len=128"]);
});
afterAll(async () => {
  await app?.shutdown();
  folder.remove();
});

const list = <T>(length: number, of: (i: number) => T): T[] =>
  Array.from({ length }, (_, i) => of(i));
const members = (length: number, of: (i: number) => [string, unknown]) =>
  Object.fromEntries(list(length, of));
const nested = (depth: number) => {
  let schema: object = { type: "string" };
  for (let i = 0; i < depth; i++) schema = { type: "object", properties: { a: schema } };
  return schema;
};
const json = (schema: unknown) => ({ structured_outputs: { json: schema } });
const regex = (text: string) => ({ structured_outputs: { regex: text } });
const grammar = (text: string) => ({ structured_outputs: { grammar: text } });

/** Refused grammars, each with part of the error message. */
const REFUSED: [name: string, fields: object, message: string][] = [
  [
    "a schema nested 1,000 levels deep",
    json(JSON.stringify(nested(1000))),
    '"a" at #/properties/a',
  ],
  ["a schema nested 41 levels deep", json(nested(41)), '"a" at #/properties/a'],
  ["an enumeration of 20,000 values", json({ enum: list(20_000, String) }), '"enum" at #'],
  ["an enumeration of 100,000 values", json({ enum: list(100_000, String) }), "more than 100000"],
  ["a remote reference", json({ $ref: "https://example.com/x.json" }), '"$ref" at #'],
  ["a reference to nothing", json({ items: { $ref: "#/$defs/x" } }), '"$ref" at #/items'],
  ["a reference to itself", json({ $ref: "#" }), "no text fits"],
  [
    "a cycle of references",
    json({ $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } }),
    "no text fits",
  ],
  ["contradictory bounds", json({ type: "integer", minimum: 5, maximum: 3 }), "minimum"],
  [
    "contradictory types",
    json({ allOf: [{ type: "string" }, { type: "null" }] }),
    "incompatible types",
  ],
  ["a schema that allows nothing", json("false"), "allows no output"],
  [
    "10,000 parameters",
    json({ properties: members(10_000, (i) => [`p${i}`, {}]) }),
    '"properties" at #',
  ],
  [
    "200 property patterns",
    json({ patternProperties: members(200, (i) => [`^${i}x`, {}]) }),
    '"patternProperties" at #',
  ],
  ["20,000 alternatives", json({ anyOf: list(20_000, () => ({ type: "object" })) }), "/anyOf"],
  ["a huge divisor", json({ type: "integer", multipleOf: 99_999_989 }), '"multipleOf" at #'],
  ["a constant of 8 MB", json({ const: "x".repeat(8_000_000) }), '"const" at #'],
  ["20,000 optional groups", regex("(a|bc)?".repeat(20_000)), "at most 8192 characters"],
  ["2,000 open groups", regex("(a".repeat(2000) + ")".repeat(2000)), "nest"],
  ["left recursion without an end", grammar('root ::= root "a"'), "rule root never ends"],
  ["no rule that ends", grammar('root ::= "a" root'), "rule root never ends"],
  ["a cycle of rules", grammar("root ::= x\nx ::= root"), "rule root never ends"],
  [
    "20,000 rules",
    grammar(list(20_000, (i) => `r${i} ::= "a" r${i + 1}`).join("\n")),
    "at most 65536 characters",
  ],
  ["open parentheses", grammar(`root ::= ${"(".repeat(10_000)}`), "nested deeper than 100 levels"],
  ["a grammar of 8 MB", grammar(`start: "${"a".repeat(8_000_000)}"`), "at most 32768 characters"],
  [
    "too many intersections",
    grammar("start: X\nX: /(a|b)*a(a|b){30}/ & /(a|b)*b(a|b){30}/ & ~/(a|b)*aa(a|b){30}/"),
    "fuel",
  ],
];

/** Accepted grammars, whose cost is bounded. */
const BOUNDED: [name: string, fields: object][] = [
  ["(a{1,1000}){1,1000}", regex("(a{1,1000}){1,1000}")],
  ["an exponential automaton", regex("(a|b)*a(a|b){200}")],
  ["1,100 optional groups", regex("(a|bc)?".repeat(1100))],
  ["a million repetitions", regex("(ab?c){1000000}")],
  [
    "1,000 optional properties",
    json({ properties: members(1000, (i) => [`p${i}`, { type: "null" }]) }),
  ],
  [
    "a chain of 9,000 references",
    json({
      $ref: "#/$defs/d0",
      $defs: members(9000, (i) => [
        `d${i}`,
        { properties: { a: { $ref: `#/$defs/d${(i + 1) % 9000}` } } },
      ]),
    }),
  ],
  ["a recursive schema", json({ type: "object", properties: { a: { $ref: "#" } } })],
  [
    "a schema that requires itself",
    json({ type: "object", properties: { a: { $ref: "#" } }, required: ["a"] }),
  ],
  ["an enumeration of 10,000 values", json({ enum: list(10_000, (i) => `value ${i}`) })],
  ["a long list", json({ type: "array", minItems: 100_000 })],
  ["a description of 8 MB", json({ type: "null", description: "x".repeat(8_000_000) })],
  ["ambiguous rules", grammar('root ::= root root | "a" | ""')],
  [
    "rules within rules",
    grammar(
      list(60, (i) => `${i === 0 ? "root" : `r${i}`} ::= r${i + 1} r${i + 1}`).join("\n") +
        '\nr60 ::= "a"?',
    ),
  ],
  [
    "a chain of 2,000 rules",
    grammar(
      list(
        2000,
        (i) => `${i === 0 ? "start" : `r${i}`}: "a" ${i === 1999 ? "" : `r${i + 1}`}`,
      ).join("\n"),
    ),
  ],
  ["2,000 lexemes", grammar(`start: ${list(2000, (i) => `"a${i}"?`).join(" ")}`)],
  [
    "doubled terminals",
    grammar(`start: T20\nT0: "a"?\n${list(20, (i) => `T${i + 1}: T${i} T${i}`).join("\n")}`),
  ],
];

const ask = (fields: object) =>
  app.post("/v1/completions", { prompt: "a", max_tokens: 20, temperature: 1, seed: 1, ...fields });

async function expectAlive(): Promise<void> {
  const response = await ask(regex("[0-9]{4}"));
  const { choices } = (await response.json()) as { choices: [{ text: string }] };
  expect(choices[0].text).toMatch(/^[0-9]{4}$/);
}

describe("a hostile grammar", () => {
  test.each(REFUSED)("is refused: %s", async (_, fields, message) => {
    const response = await ask(fields);
    const text = await response.text();
    expect([response.status, text.slice(0, 400)]).toEqual([
      400,
      expect.stringContaining(JSON.stringify(message).slice(1, -1)),
    ]);
    await expectAlive();
  });

  test.each(BOUNDED)("takes bounded time and memory: %s", async (_, fields) => {
    const response = await ask(fields);
    expect([200, 400]).toContain(response.status);
    await response.text();
    await expectAlive();
  });

  test("ends its own request when its masks take too much time", async () => {
    const rules = list(50, (i) => `r${i} ::= r${i + 1} r${i + 1} r0 | "c" | r0 r0`).join("\n");
    const hostile = grammar(`root ::= r0\n${rules}\nr50 ::= "d" | root`);
    const response = await ask({ ...hostile, max_tokens: 100, min_tokens: 100 });
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringContaining("became too complex"),
    ]);
    await expectAlive();
  }, 60_000);

  test("does not block other requests while it is compiled and leaks no memory", async () => {
    const rss = () => process.memoryUsage().rss;
    const hostile = (i: number) => ask(regex(`${"(a|bc)?".repeat(1100)}${i}`));
    await Promise.all(list(4, hostile));
    Bun.gc(true);
    const before = rss();
    const all = list(12, (i) => hostile(100 + i));
    await expectAlive();
    for (const response of await Promise.all(all)) expect([200, 400]).toContain(response.status);
    Bun.gc(true);
    // Twelve compiled grammars and uncollected garbage take about 90 MB.
    expect((rss() - before) / 1e6).toBeLessThan(250);
  }, 60_000);
});
