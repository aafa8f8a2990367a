// /v1/chat/completions against the fake model, with the event structure that vLLM 0.13 streams.

import { describe, expect, test } from "bun:test";
import { makeApp, readEvents } from "../support/fake-engine.ts";

const BODY = {
  model: "tiny",
  messages: [{ role: "user", content: "Say hello." }],
  max_tokens: 3,
  temperature: 0,
};

describe("POST /v1/chat/completions", () => {
  test("returns vLLM's message, including nulls", async () => {
    const { post } = makeApp();
    const body = (await (await post("/v1/chat/completions", BODY)).json()) as Record<string, never>;
    expect(body).toEqual({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{16}$/),
      object: "chat.completion",
      created: expect.any(Number),
      model: "tiny",
      choices: [
        {
          index: 0,
          message: {
            role: "assistant",
            content: expect.stringMatching(/^[a-z ]{3}$/),
            refusal: null,
            annotations: null,
            audio: null,
            function_call: null,
            tool_calls: [],
            reasoning: null,
            reasoning_content: null,
          },
          logprobs: null,
          finish_reason: "length",
          stop_reason: null,
          token_ids: null,
        },
      ],
      service_tier: null,
      system_fingerprint: null,
      usage: {
        prompt_tokens: 29,
        total_tokens: 32,
        completion_tokens: 3,
        prompt_tokens_details: null,
      },
      prompt_logprobs: null,
      prompt_token_ids: null,
      kv_transfer_params: null,
    } as never);
  });

  test("streams the role, deltas, a finish reason, usage, and [DONE]", async () => {
    const { post } = makeApp({ model: { stepTurns: 3 } });
    const response = await post("/v1/chat/completions", {
      ...BODY,
      stream: true,
      stream_options: { include_usage: true },
    });
    const events = (await readEvents(response)) as Record<string, never>[];
    expect(events[0]).toMatchObject({
      object: "chat.completion.chunk",
      choices: [
        {
          index: 0,
          delta: { role: "assistant", content: "", reasoning_content: null },
          logprobs: null,
          finish_reason: null,
        },
      ],
      prompt_token_ids: null,
    } as never);
    expect(events[1]?.["choices"]).toEqual([
      {
        index: 0,
        delta: { content: expect.any(String), reasoning_content: null },
        logprobs: null,
        finish_reason: null,
        token_ids: null,
      },
    ] as never);
    expect(events.at(-3)?.["choices"]).toMatchObject([
      { finish_reason: "length", stop_reason: null },
    ] as never);
    expect(events.at(-2)).toMatchObject({ choices: [], usage: { total_tokens: 32 } } as never);
    expect(events.at(-1)).toBe("[DONE]" as never);
    expect(new Set(events.slice(0, -1).map(({ id }) => id)).size).toBe(1);
  });

  test("counts the prompt once for n choices", async () => {
    const { post } = makeApp();
    const request = { ...BODY, n: 3, temperature: 1, seed: 5 };
    const body = (await (await post("/v1/chat/completions", request)).json()) as {
      choices: { message: { content: string } }[];
      usage: { prompt_tokens: number; completion_tokens: number };
    };
    expect(new Set(body.choices.map(({ message }) => message.content)).size).toBe(3);
    expect(body.usage).toMatchObject({ prompt_tokens: 29, completion_tokens: 9 });
  });

  test("logprobs contain the token, its bytes, and the most likely tokens", async () => {
    const { post } = makeApp();
    const request = { ...BODY, max_tokens: 1, logprobs: true, top_logprobs: 2 };
    const body = (await (await post("/v1/chat/completions", request)).json()) as {
      choices: { message: { content: string }; logprobs: { content: unknown[] } }[];
    };
    const text = body.choices[0]?.message.content ?? "";
    const entry = { token: text, logprob: -0.5, bytes: [text.charCodeAt(0)] };
    expect(body.choices[0]?.logprobs.content).toEqual([
      { ...entry, top_logprobs: [entry, { token: "A", logprob: -1, bytes: [65] }] },
    ]);
  });

  test("lists the bytes of a token that is not a complete character", async () => {
    const { post } = makeApp();
    const request = { ...BODY, max_tokens: 1, logprobs: true, allowed_token_ids: [0xc3] };
    const body = (await (await post("/v1/chat/completions", request)).json()) as {
      choices: { message: { content: string }; logprobs: object }[];
    };
    expect(body.choices[0]?.logprobs).toEqual({
      content: [{ token: "\ufffd", logprob: -0.5, bytes: [0xc3], top_logprobs: [] }],
    });
    // An incomplete character at the end of a response is omitted.
    expect(body.choices[0]?.message.content).toBe("");
  });

  test("echo includes the text that the response continues", async () => {
    const { post } = makeApp();
    const request = {
      ...BODY,
      messages: [...BODY.messages, { role: "assistant", content: "Hel" }],
      add_generation_prompt: false,
      continue_final_message: true,
      echo: true,
    };
    const whole = (await (await post("/v1/chat/completions", request)).json()) as {
      choices: { message: { content: string } }[];
    };
    const text = whole.choices[0]?.message.content ?? "";
    expect(text).toMatch(/^Hel[a-z ]{3}$/);
    const response = await post("/v1/chat/completions", { ...request, stream: true });
    const events = (await readEvents(response)).slice(0, -1) as {
      choices: { delta: { content: string } }[];
    }[];
    const contents = events.map(({ choices }) => choices[0]?.delta.content);
    expect(contents.slice(0, 2)).toEqual(["", "Hel"]);
    expect(contents.join("")).toBe(text);
  });

  test("joins text parts and rejects images with an error that names the type", async () => {
    const { post } = makeApp();
    const content = (parts: unknown[]) => ({
      ...BODY,
      messages: [{ role: "user", content: parts }],
    });
    const parts = content([
      { type: "text", text: "Say" },
      { type: "text", text: "hello." },
    ]);
    const joined = (await (await post("/v1/chat/completions", parts)).json()) as never;
    const plain = (await (
      await post("/v1/chat/completions", content(["Say\nhello."]))
    ).json()) as never;
    expect((joined as { choices: unknown }).choices).toEqual(
      (plain as { choices: unknown }).choices as never,
    );
    const image = await post(
      "/v1/chat/completions",
      content([{ type: "image_url", image_url: { url: "data:," } }]),
    );
    expect(image.status).toBe(400);
    expect(await image.text()).toContain("not a multimodal model");
  });

  test("sends SSE comments while no event is ready", async () => {
    const { post } = makeApp({ model: { stepDelayMs: 30 } }, { keepAliveMs: 10 });
    const response = await post("/v1/chat/completions", { ...BODY, stream: true });
    expect(await response.text()).toStartWith(": keep-alive\n\n");
  });
});
