// Default sampling parameters for requests that do not set them.

import { describe, expect, test } from "bun:test";
import { NEUTRAL_SAMPLING, type SamplingDefaults } from "../../src/request/sampling-params.ts";
import { makeApp } from "../support/fake-engine.ts";
import { FAKE_EOS } from "../support/fake-model-runner.ts";

const PROMPTS: [string, object][] = [
  ["/v1/completions", { prompt: "hello" }],
  ["/v1/chat/completions", { messages: [{ role: "user", content: "hi" }] }],
];

/** @returns the parameters that the engine receives, or the response's error message */
async function sampled(path: string, body: object, defaults: Partial<SamplingDefaults>) {
  const samplingDefaults = { ...NEUTRAL_SAMPLING, ...defaults };
  const { client, post } = makeApp({}, { samplingDefaults });
  const add = client.add.bind(client);
  let seen = {};
  client.add = (request) => {
    const { temperature, topP, topK, minP, repetitionPenalty, maxTokens } = request.samplingParams;
    seen = { temperature, topP, topK, minP, repetitionPenalty, maxTokens };
    return add(request);
  };
  const response = await post(path, body);
  const answer = (await response.json()) as { error?: { message: string } };
  return answer.error?.message ?? seen;
}

const MODELS = { temperature: 0.2, topP: 0.9, topK: 7, minP: 0.1, repetitionPenalty: 1.1 };

describe.each(PROMPTS)("%s", (path, prompt) => {
  const body = { ...prompt, max_tokens: 4 };

  test("uses the model's defaults for fields that are absent or null", async () => {
    const nothing = { temperature: null, top_p: null, top_k: null, repetition_penalty: null };
    expect(await sampled(path, body, MODELS)).toEqual({ ...MODELS, maxTokens: 4 });
    expect(await sampled(path, { ...body, ...nothing }, MODELS)).toEqual({
      ...{ ...MODELS, maxTokens: 4 },
    });
  });

  test("uses the request's values, field by field, even if they match vLLM's defaults", async () => {
    const said = { temperature: 1, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1 };
    const { maxTokens: _, stopTokenIds: __, ...neutral } = NEUTRAL_SAMPLING;
    expect(await sampled(path, { ...body, ...said }, MODELS)).toEqual({ ...neutral, maxTokens: 4 });
    expect(await sampled(path, { ...body, temperature: 0.7 }, MODELS)).toEqual({
      ...{ ...MODELS, temperature: 0.7, maxTokens: 4 },
    });
  });

  test("caps max_tokens at the operator's limit", async () => {
    expect(await sampled(path, { ...body, max_tokens: 9 }, { maxTokens: 3 })).toMatchObject({
      maxTokens: 3,
    });
    expect(await sampled(path, prompt, { maxTokens: 3 })).toMatchObject({ maxTokens: 3 });
    expect(await sampled(path, { ...body, max_tokens: 2 }, { maxTokens: 3 })).toMatchObject({
      maxTokens: 2,
    });
  });

  test("rejects n > 1 if the default temperature is 0, as if the request had set it", async () => {
    expect(await sampled(path, { ...body, n: 2 }, { temperature: 0 })).toBe(
      "n must be 1 when using greedy sampling, got 2.",
    );
    expect(
      await sampled(path, { ...body, n: 2, temperature: 1 }, { temperature: 0 }),
    ).toMatchObject({ temperature: 1 });
  });
});

describe.each(PROMPTS)(
  "end tokens from the operator's generation config, on %s",
  (path, prompt) => {
    const A = 0x61;
    const samplingDefaults = { ...NEUTRAL_SAMPLING, stopTokenIds: [FAKE_EOS, A] };
    /** A model that generates only this letter. */
    const app = (alphabet: string) => makeApp({ model: { alphabet } }, { samplingDefaults });
    const ending = async (body: object, alphabet = "a") => {
      const response = await app(alphabet).post(path, { ...prompt, max_tokens: 4, ...body });
      const { choices, error, usage } = (await response.json()) as {
        readonly choices?: readonly Record<string, unknown>[];
        readonly error?: { readonly message: string };
        readonly usage?: { readonly completion_tokens: number };
      };
      const { finish_reason, stop_reason } = choices?.[0] ?? {};
      return error?.message ?? [finish_reason, stop_reason, usage?.completion_tokens];
    };

    test("end a completion like stop_token_ids", async () => {
      expect(await ending({})).toEqual(["stop", A, 1]);
      expect(await ending({ stop_token_ids: [A] })).toEqual(["stop", A, 1]);
      expect(await ending({ stop_token_ids: [0x62] }, "b")).toEqual(["stop", 0x62, 1]);
      expect(await ending({}, "b")).toEqual(["length", null, 4]);
    });

    test("do not end a completion that ignores end tokens", async () => {
      expect(await ending({ ignore_eos: true })).toEqual(["length", null, 4]);
    });

    test("count as end tokens before min_tokens", async () => {
      expect(await ending({ min_tokens: 1, allowed_token_ids: [A] })).toBe(
        "min_tokens=1 leaves no token to generate: every allowed token ends the text.",
      );
    });

    test("do not change the stop reason of the model's own end token", async () => {
      expect(await ending({ allowed_token_ids: [FAKE_EOS] })).toEqual(["stop", null, 1]);
    });
  },
);
