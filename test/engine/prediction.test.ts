// Output that a client expects (`prediction`): the same answer in fewer steps, if speculative decoding is on.

import { expect, test } from "bun:test";
import type { SpeculationConfig } from "../../src/speculation/speculation-config.ts";
import { makeApp, readEvents } from "../support/fake-engine.ts";

const NGRAM: SpeculationConfig = {
  method: "ngram",
  numSpeculativeTokens: 4,
  disableByBatchSize: null,
  promptLookupMin: 3,
  promptLookupMax: 5,
};

const ANSWER = "the quick brown fox jumps";
const messages = [{ role: "user", content: "?" }];

async function chat(prediction: unknown, speculation?: SpeculationConfig, fields: object = {}) {
  const { post, client, runner } = makeApp({
    model: { answer: ANSWER },
    ...(speculation && { speculation }),
  });
  const response = await post("/v1/chat/completions", { messages, prediction, ...fields });
  const body = (await response.json()) as {
    choices?: { message: { content: string } }[];
    usage?: { completion_tokens_details?: object };
  };
  await client.shutdown();
  const contents = body.choices?.map(({ message }) => message.content);
  return {
    status: response.status,
    body,
    contents,
    numSteps: runner.numSteps,
    details: body.usage?.completion_tokens_details,
  };
}

const counts = (accepted: number, rejected: number) => ({
  accepted_prediction_tokens: accepted,
  rejected_prediction_tokens: rejected,
});

test.each([
  ["text", ANSWER],
  ["parts", [ANSWER.slice(0, 9), ANSWER.slice(9)].map((text) => ({ type: "text", text }))],
])("verifies a prediction given as %s", async (_, content) => {
  const plain = await chat(null, NGRAM);
  const drafted = await chat({ type: "content", content }, NGRAM);
  expect(drafted.contents).toEqual([ANSWER]);
  expect(drafted.body.choices).toEqual(plain.body.choices ?? []);
  expect([plain.numSteps, drafted.numSteps]).toEqual([26, 6]);
  expect([plain.details, drafted.details]).toEqual([undefined, counts(20, 0)]);
});

test("counts the prediction's tokens at the end of a stream", async () => {
  const { post, client } = makeApp({ model: { answer: ANSWER }, speculation: NGRAM });
  const prediction = { type: "content", content: ANSWER };
  const fields = { stream: true, stream_options: { include_usage: true } };
  const response = await post("/v1/chat/completions", { messages, prediction, ...fields });
  const events = await readEvents(response);
  await client.shutdown();
  const usage = { completion_tokens: 26, completion_tokens_details: counts(20, 0) };
  expect(events.at(-2)).toMatchObject({ usage });
});

test("gives the same answer with a wrong prediction", async () => {
  const drafted = await chat({ type: "content", content: "the slow brown fox sleeps" }, NGRAM);
  expect([drafted.contents, drafted.numSteps]).toEqual([[ANSWER], 16]);
  expect(drafted.details).toEqual(counts(10, 2));
});

test("predicts the output of all n sequences", async () => {
  const drafted = await chat({ type: "content", content: ANSWER }, NGRAM, { n: 2 });
  expect([drafted.contents, drafted.numSteps]).toEqual([[ANSWER, ANSWER], 7]);
  expect(drafted.details).toEqual(counts(40, 0));
});

test.each([
  ["speculative decoding", undefined, {}],
  ["sampling", NGRAM, { use_beam_search: true, n: 1, temperature: 0 }],
])("ignores a prediction without %s", async (_, speculation, fields) => {
  const plain = await chat(null, speculation, fields);
  const predicted = await chat({ type: "content", content: ANSWER }, speculation, fields);
  expect(predicted.numSteps).toBe(plain.numSteps);
  expect(predicted.contents).toEqual(plain.contents);
  expect(predicted.details).toBeUndefined();
});

test.each([
  ["text", "prediction"],
  [{}, "prediction"],
  [{ type: "content" }, "prediction"],
  [{ type: "text", content: "a" }, "prediction"],
  [{ type: "content", content: 1 }, "prediction"],
  [{ type: "content", content: null }, "prediction"],
  [{ type: "content", content: ["a"] }, "prediction"],
  [{ type: "content", content: [{ type: "image_url", text: "a" }] }, "prediction"],
  [{ type: "content", content: [{ type: "text" }] }, "prediction"],
])("rejects %j", async (prediction, name) => {
  const { status, body } = await chat(prediction);
  expect(status).toBe(400);
  expect(JSON.stringify(body)).toContain(name);
});
