// Any JSON in any field of /v1/messages and /v1/responses gets an answer or a refusal, and the next request works.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { COUNT_TOKENS_FIELDS, MESSAGES_FIELDS } from "../../src/api/messages/schema.ts";
import { RESPONSES_FIELDS } from "../../src/api/responses/schema.ts";
import { makeApp } from "../support/fake-engine.ts";

const NAMES = [
  ...["type", "role", "content", "text", "name", "id", "input", "output", "arguments", "call_id"],
  ...["tools", "source", "data", "thinking", "summary", "format", "definition", "syntax", "mode"],
  ...["tool_use_id", "namespace", "input_schema", "parameters", "effort", "schema", "is_error"],
];

const TYPES = [
  ...["text", "tool_use", "tool_result", "thinking", "document", "image", "search_result"],
  ...["message", "reasoning", "function_call", "function_call_output", "custom_tool_call"],
  ...["custom_tool_call_output", "additional_tools", "function", "custom", "namespace", "grammar"],
  ...["input_text", "output_text", "json_schema", "json_object", "allowed_tools", "tool", "any"],
];

/** Values that often contain names and types from the APIs. */
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, true, 1, -1, 0.5, "", "x", "user", "assistant", "system", "developer"),
    fc.string({ maxLength: 5 }),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie("value"), { maxKeys: 4 }),
    fc.record({ type: fc.constantFrom(...TYPES), content: tie("value"), text: tie("value") }),
  ),
}));

/** Block or item with a known type. */
const typed = fc
  .tuple(fc.constantFrom(...TYPES), fc.dictionary(fc.constantFrom(...NAMES), value, { maxKeys: 5 }))
  .map(([type, rest]) => ({ ...rest, type }));
const role = fc.constantFrom("user", "assistant", "system");
const said = fc.record({ role, content: fc.oneof(fc.string(), fc.array(typed, { maxLength: 4 })) });
const named = fc.record({ type: fc.constantFrom(...TYPES), name: fc.string(), tools: value });

/** Bodies that are mostly well-formed. */
const LIKELY = fc.record(
  {
    messages: fc.array(said, { maxLength: 5 }),
    input: fc.array(fc.oneof(typed, said), { maxLength: 6 }),
    tools: fc.array(
      fc.tuple(typed, named).map(([rest, own]) => ({ ...rest, ...own })),
      { maxLength: 3 },
    ),
  },
  { requiredKeys: [] },
);

const ROUTES: readonly (readonly [path: string, base: object, fields: object])[] = [
  ["/v1/messages", { messages: [{ role: "user", content: "hi" }], max_tokens: 2 }, MESSAGES_FIELDS],
  [
    "/v1/messages/count_tokens",
    { messages: [{ role: "user", content: "hi" }] },
    COUNT_TOKENS_FIELDS,
  ],
  ["/v1/responses", { input: "hi", max_output_tokens: 2 }, RESPONSES_FIELDS],
];

/** Fields with an effect that outlasts the request. */
const LASTING = ["background"];

describe.each(ROUTES)("%s", (path, base, fields) => {
  const names = Object.keys(fields).filter((name) => !LASTING.includes(name));

  test("answers or refuses any value of any field", async () => {
    const faults: unknown[] = [];
    const { post, engine } = makeApp({}, { logFault: (fault) => faults.push(fault) });
    const given = fc.oneof(
      fc.dictionary(fc.constantFrom(...names), value, { minKeys: 1, maxKeys: 3 }),
      LIKELY,
    );
    await fc.assert(
      fc.asyncProperty(given, async (extra) => {
        const response = await post(path, JSON.stringify({ ...base, ...extra }));
        const text = await response.text();
        expect([[200, 400, 404].includes(response.status), text, faults]).toEqual([true, text, []]);
      }),
      { numRuns: 400 },
    );
    expect(engine.numLiveSequences).toBe(0);
    expect((await post(path, base)).status).toBe(200);
  });
});
