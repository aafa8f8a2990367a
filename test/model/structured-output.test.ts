// Structured output from SmolLM2: the answers recorded from vLLM for the same requests, as far as
// the constraints determine them, and answers to random schemas.

import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { checkOutput, type Outcomes, randomSchema } from "../support/random-schema.ts";
import { startRealApp } from "../support/real-app.ts";

const MODEL = join(import.meta.dir, "../../models/SmolLM2-135M-Instruct.Q4_1.gguf");
const CHAT = "/v1/chat/completions";
const app = await startRealApp(MODEL, ["--max-model-len=1024"]);
afterAll(() => app.shutdown());

const hello = (fields: object) => ({
  messages: [{ role: "user", content: "Say hello." }],
  ...{ max_tokens: 6, temperature: 0, ...fields },
});

interface Answer {
  readonly choices: readonly [
    {
      readonly message: { readonly content: string };
      readonly text: string;
      readonly finish_reason: string;
    },
  ];
  readonly usage: { readonly completion_tokens: number };
}

async function answer(path: string, body: object): Promise<Answer> {
  const response = await app.post(path, body);
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

const OK = {
  type: "object",
  properties: { ok: { type: "boolean" } },
  required: ["ok"],
  additionalProperties: false,
};

test("a greedy answer is the same if the whole head is computed, as for log-probabilities", async () => {
  const text = { type: "string", maxLength: 30 };
  const schema = {
    ...{ type: "object", required: ["city", "year"], additionalProperties: false },
    properties: { city: text, year: { type: "integer" }, tags: { type: "array", items: text } },
  };
  const whole = { response_format: { type: "json_schema", json_schema: { name: "x", schema } } };
  for (const fields of [whole, { structured_outputs: { regex: "[a-z]+( [a-z]+){4}" } }]) {
    const body = hello({ ...fields, max_tokens: 60 });
    const screened = await answer(CHAT, body);
    const full = await answer(CHAT, { ...body, logprobs: true });
    expect(screened.choices[0].message).toEqual(full.choices[0].message);
  }
});

describe("recorded requests", () => {
  test("chat-structured-grammar", async () => {
    const fields = { structured_outputs: { grammar: 'root ::= "yes" | "no"' } };
    const { choices } = await answer(CHAT, hello(fields));
    expect(["yes", "no"]).toContain(choices[0].message.content);
    expect(choices[0].finish_reason).toBe("stop");
  });

  test("chat-structured-regex", async () => {
    const fields = { structured_outputs: { regex: "[0-9]{3}" } };
    const { choices, usage } = await answer(CHAT, hello(fields));
    expect(choices[0].message.content).toMatch(/^[0-9]{3}$/);
    expect(choices[0].finish_reason).toBe("stop");
    expect(usage.completion_tokens).toBe(4);
  });

  test("chat-json-schema", async () => {
    const response_format = { type: "json_schema", json_schema: { name: "r", schema: OK } };
    const { choices } = await answer(CHAT, hello({ response_format, max_tokens: 20 }));
    expect(JSON.parse(choices[0].message.content)).toEqual({ ok: expect.any(Boolean) });
    expect(choices[0].finish_reason).toBe("stop");
  });

  test("comp-json-object", async () => {
    const body = { prompt: "The sky is", max_tokens: 12, temperature: 0 };
    const { choices } = await answer("/v1/completions", {
      ...body,
      response_format: { type: "json_object" },
    });
    expect(choices[0].text).toMatch(/^\{\s*"/);
    expect(choices[0].finish_reason).toBe("length");
  });

  test("chat-guided-choice-old, which vLLM ignores", async () => {
    const { choices } = await answer(CHAT, hello({ guided_choice: ["red", "blue"] }));
    expect(["red", "blue"]).toContain(choices[0].message.content);
  });
});

test("40 outputs conform to their random schemas", async () => {
  const outcomes: Outcomes = { numStopped: 0, numCut: 0, numRefused: 0 };
  const cases = fc.sample(fc.tuple(randomSchema, fc.integer()), 40);
  const fields = { prompt: "A JSON document:", max_tokens: 100 };
  await Promise.all(
    cases.map(([schema, seed]) => checkOutput(app, schema, { ...fields, seed }, outcomes)),
  );
  expect(outcomes.numStopped).toBeGreaterThan(20);
}, 120_000);

test("words in a complete text are spelled as the tokenizer would spell them", async () => {
  const fields = {
    structured_outputs: { choice: ["The quick brown fox jumps over the lazy dog."] },
  };
  const { choices, usage } = await answer(CHAT, hello({ ...fields, max_tokens: 50 }));
  expect(choices[0].message.content).toBe("The quick brown fox jumps over the lazy dog.");
  const response = await app.post("/tokenize", {
    prompt: "The quick brown fox jumps over the lazy dog.",
    add_special_tokens: false,
  });
  const { count } = (await response.json()) as { count: number };
  expect(usage.completion_tokens).toBe(count + 1);
});
