// POST /inference/v1/generate: token IDs in and out.

import { describe, expect, test } from "bun:test";
import { makeApp, readEvents } from "../support/fake-engine.ts";

const { post } = makeApp({ model: { stepDelayMs: 1 } });
const PATH = "/inference/v1/generate";
const sampling_params = { max_tokens: 3, temperature: 0 };
const id = expect.any(Number);

describe("POST /inference/v1/generate", () => {
  test("returns the generated IDs", async () => {
    const answer = await post(PATH, { token_ids: [97, 98], sampling_params, request_id: "r1" });
    expect(await answer.json()).toEqual({
      request_id: "generate-tokens-r1",
      choices: [{ index: 0, logprobs: null, finish_reason: "length", token_ids: [id, id, id] }],
      prompt_logprobs: null,
      kv_transfer_params: null,
    });
  });

  test("generates the same tokens as a completion with the same IDs", async () => {
    const answer = await post(PATH, { token_ids: [97, 98], sampling_params });
    const completion = await post("/v1/completions", {
      ...{ prompt: [97, 98], return_token_ids: true },
      ...sampling_params,
    });
    const tokens = ((await answer.json()) as { choices: { token_ids: number[] }[] }).choices[0];
    expect(await completion.json()).toMatchObject({ choices: [{ token_ids: tokens?.token_ids }] });
  });

  test("names tokens by ID in log-probabilities", async () => {
    const params = { ...sampling_params, max_tokens: 1, logprobs: 1, prompt_logprobs: 0, n: 1 };
    const answer = await post(PATH, { token_ids: [97, 98], sampling_params: params });
    const token = expect.stringMatching(/^token_id:\d+$/);
    expect(await answer.json()).toMatchObject({
      choices: [{ logprobs: { content: [{ token, top_logprobs: [{ token }] }] } }],
      prompt_logprobs: [null, { "98": { decoded_token: "b" } }],
    });
  });

  test("streams IDs, with usage if it is requested", async () => {
    const stream_options = { include_usage: true };
    const body = {
      token_ids: [97],
      sampling_params,
      stream: true,
      stream_options,
      request_id: "s",
    };
    const events = await readEvents(await post(PATH, body));
    const chunk = (finish_reason: string | null) => ({
      request_id: "generate-tokens-s",
      choices: [{ index: 0, logprobs: null, finish_reason, token_ids: [id] }],
    });
    expect(events).toEqual([
      ...[chunk(null), chunk(null), chunk("length")],
      {
        request_id: "generate-tokens-s",
        choices: [],
        usage: { prompt_tokens: 1, total_tokens: 4, completion_tokens: 3 },
      },
      "[DONE]",
    ]);
  });

  test.each([
    ["no fields", {}, ["'token_ids'), 'msg': 'Field required'", "'sampling_params'), 'msg'"]],
    ["text", { token_ids: "ab", sampling_params }, ["list_type"]],
    ["an unknown token", { token_ids: [9999], sampling_params }, ["out of vocabulary"]],
    ["no tokens", { token_ids: [], sampling_params }, [""]],
    ["a bad parameter", { token_ids: [1], sampling_params: { top_p: 2 } }, ["top_p must be"]],
    ["media", { token_ids: [1], sampling_params, features: {} }, ["not a multimodal model"]],
  ])("refuses %s", async (_, body, texts) => {
    const answer = await post(PATH, body);
    expect(answer.status).toBe(400);
    const text = await answer.text();
    for (const part of texts) expect(text).toContain(part);
  });
});
